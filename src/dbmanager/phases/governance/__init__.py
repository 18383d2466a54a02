"""Phase 5: what data there is, where it goes, who may see it."""
