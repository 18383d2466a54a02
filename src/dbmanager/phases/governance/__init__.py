"""Phase 5: classification and security checks."""
