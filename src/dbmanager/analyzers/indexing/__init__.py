"""Index advice from queries: candidates by how columns are used, chosen by what the engine says of them."""
