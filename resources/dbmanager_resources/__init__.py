"""What a client reads: guides, experts, prompts, deliverables."""
