"""When a figure is worth waking somebody, as data and a judge."""
