"""The contract that every engine's adapter keeps; an engine is added by one subclass in `contract.py`."""
