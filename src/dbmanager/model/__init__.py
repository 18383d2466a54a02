"""The vocabulary: schema, findings, change sets, statistics, configuration."""
