"""Pure thinking: facts in, findings and plans out; no I/O and no engine."""
