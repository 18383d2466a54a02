"""Column classification from independent evidence: names, anchored patterns, checksums, neighbours."""
