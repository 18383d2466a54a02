"""Judges and proposes rewrites of queries: proofs, small databases that tell two statements apart, rules."""
