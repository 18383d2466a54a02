"""Agent frameworks as clients, without a language model, each in an environment of its own."""
