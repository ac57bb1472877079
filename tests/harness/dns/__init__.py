"""A DNS server without sockets (`name_server`), and one with (`running`)."""
