"""One client's HTTP/1.1 connection, below uvicorn's, with its shorter ways to an answer."""
