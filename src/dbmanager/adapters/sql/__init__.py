"""What every SQL engine shares: statement blocks, names, values, the read-only gate."""
