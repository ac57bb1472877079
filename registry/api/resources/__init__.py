"""The views of the REST API, one resource a file."""
