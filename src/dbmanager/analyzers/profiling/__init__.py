"""What sampled rows suggest: references, dependencies, lists. Suggestions are verified on all rows elsewhere."""
