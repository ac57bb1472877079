"""A dashboard in process, and a real browser that looks at a region."""
