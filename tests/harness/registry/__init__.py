"""The control plane in this process: writing by the verbs, a clock for leases, broken tables, other writers."""
