"""SQLite through aiosqlite: the embedded default."""
