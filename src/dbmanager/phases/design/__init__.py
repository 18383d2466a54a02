"""Phase 2: schema defects, pictures."""
