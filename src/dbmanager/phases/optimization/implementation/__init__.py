"""Phase 3, implementation: a design tried on the engine, compared with what is there, applied as a change set, read again."""
