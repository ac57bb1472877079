"""The logs kept here, over HTTP, for peers; and requests forwarded between regions."""
