"""What tests stand on: real regions, servers and browsers, catalogs in memory, and ways to break them."""
