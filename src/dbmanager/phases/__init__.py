"""What a phase does: asks adapters, thinks with analyzers, keeps with services."""
