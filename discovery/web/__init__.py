"""HTTP below every dialect: connections, caches, blocking queries, forwarding, health and metrics."""
