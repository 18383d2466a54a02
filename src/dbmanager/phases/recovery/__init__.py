"""Phase 6: backups and the drills that prove them."""
