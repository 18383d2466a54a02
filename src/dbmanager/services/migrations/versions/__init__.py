"""The store's versions, oldest first."""
