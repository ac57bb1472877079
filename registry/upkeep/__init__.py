"""Periodic work on the catalog: the lease sweep, removals of long-critical instances, expired overrides."""
