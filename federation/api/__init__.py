"""The federation in the REST API: peers, and the matrix of who holds what."""
