"""A discovery plane over logs in memory, in process or behind a real server."""
