"""Correcting by hand: forms that ask what and why, show what would change, and only then change it."""
