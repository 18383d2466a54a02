"""Phase 4: tables copied with proof."""
