"""What tests use: real regions, servers and browsers, catalogs in memory, and ways to break them.

    surroundings   the pytest plugin: variables, data directory and database of a run
    waiting        `eventually`, and `aeventually` on an event loop
    processes      starting processes that end with the tests; `postgres` and `valkey` are two of them
    region         a whole region as real processes; `calls` sends it requests and commands
    records        records of the catalog; `federated` a view of three regions

Its folders serve the rooms of the same name.
"""
