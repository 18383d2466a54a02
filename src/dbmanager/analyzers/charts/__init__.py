"""Pictures of what changes over time."""
