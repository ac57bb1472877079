"""Catalog facts in words: changes, policies, what needs attention, what clients get."""
