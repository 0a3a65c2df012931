"""Playing one case on a stage, and judging what came of it."""
