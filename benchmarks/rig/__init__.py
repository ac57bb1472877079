"""What benchmarks stand on: regions to measure, load, costs, and figures."""
