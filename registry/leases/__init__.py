"""Leases in Valkey: deadlines, renewals, and the clock that counts only observed time."""
