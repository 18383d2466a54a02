"""Index advice: what is chosen from, how it is chosen, how large it will be."""
