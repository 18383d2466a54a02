"""What developers run: the virtual environment, the engines, the reference pages."""
