"""A DNS server without sockets, and one with."""
