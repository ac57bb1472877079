"""Tests mirror the tree of the project; what several of them use is in `harness/`."""
