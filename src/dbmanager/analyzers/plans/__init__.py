"""Rules over one statement's plan and text, held as data."""
