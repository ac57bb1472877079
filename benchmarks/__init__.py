"""The figures that Meridian promises, measured beside what they are compared with. `make bench` prints them.

Every module but `harness`, `processes` and `load` is one benchmark: `NAME`, `TARGET` in words, and
`run(harness) -> list[Figure]`.
"""
