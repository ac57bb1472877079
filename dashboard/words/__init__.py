"""Catalog facts in words: changes, policies, what needs attention, what a client is told."""
