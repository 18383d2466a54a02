"""What is worth caching: candidates, keys, expected hit ratios, and replays."""
