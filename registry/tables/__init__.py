"""The tables of the catalog, one to a file, and the statements that write them in bulk."""
