"""The demonstration: generated shops, and a real client that drives all six phases."""
