"""The map of regions: outlines, markers, and the edges between them."""
