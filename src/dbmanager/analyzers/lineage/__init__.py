"""Which base columns each output column of a query comes from; what cannot be traced is said to be incomplete."""
