"""Phase 3: indexes tried and measured."""
