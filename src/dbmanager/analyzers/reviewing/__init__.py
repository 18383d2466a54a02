"""How one look at a database differs from the one before."""
