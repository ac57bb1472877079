"""The federation's own tables."""
