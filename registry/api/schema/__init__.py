"""The OpenAPI schema: what is answered and taken, with examples."""
