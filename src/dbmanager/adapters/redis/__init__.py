"""Redis and Valkey: commands as lists of arguments, keys grouped by their patterns."""
