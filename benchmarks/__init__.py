"""The figures that Meridian promises, measured beside what they are compared with. `make bench` prints them.

Every module with a `NAME` is one benchmark: that, `TARGET` in words, and `run(harness) -> list[Figure]`.
"""
