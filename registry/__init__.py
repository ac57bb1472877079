"""The control plane of one region: the only writer of its catalog.

Public is:

    actions     the verbs: every way to change the catalog
    log         the region's log, to be followed
    renewals    renewing a lease
    mirror      the one door for what other regions wrote
    freshness   the status of the mirrors
    database    asking the database from an event loop or a thread
    valkey      reaching Valkey, and the names of its keys
    forwarding  the way to ask another region itself
    tokens      who may do what

The tables (`models`), the writer behind the verbs and the lease store are this plane's own.
"""
