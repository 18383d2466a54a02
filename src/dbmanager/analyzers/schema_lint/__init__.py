"""Schema lint: rules over the schema model and measured facts, the same for every SQL engine."""
