"""Phase 1: what is there and what is asked of it."""
