"""The control plane of one region: the only writer of its catalog.

actions     the verbs, every way to change the catalog; `verbs/` holds what each does
commit      how a verb becomes a commit
log         this region's log and its mirrors of others, to be followed, verified and compacted
leases      renewing, and the deadlines in Valkey
checks      health checks: the schedule, probing, judging
breaker     losses too large to be let through, and the holds that people decide
upkeep      what runs periodically: expiry, removal
access      tokens, people's roles, and who may do what
tables      the tables and their statements, which are this plane's own
corrections previews, forms and words of corrections, for the admin site and the dashboard
api, admin  the REST API and the admin site
database    asking the database from an event loop or a thread
valkey      reaching Valkey, and the names of its keys
freshness   the status of each mirror, written by its follower and read by servers
forwarding  the port through which requests leave for another region
asgi        what a bare ASGI application needs, for discovery and federation alike
"""
