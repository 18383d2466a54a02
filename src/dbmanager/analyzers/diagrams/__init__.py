"""Pictures of schemas as text that clients draw."""
