"""Charts over time: health, latency, links."""
