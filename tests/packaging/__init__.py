"""How the server is installed, registered and shipped."""
