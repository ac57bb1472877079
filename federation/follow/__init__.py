"""Following other regions' logs into this region's tables."""
