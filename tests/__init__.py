"""Tests, one folder an area; `region.py` runs a whole region as real processes."""
