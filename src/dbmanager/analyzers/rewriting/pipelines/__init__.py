"""Thinking about rewrites of MongoDB's commands: what they promise, which fields they name, collections that tell."""
