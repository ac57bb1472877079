"""What is in a record: instances with checks and leases, overrides, policies, and the rules of their names."""
