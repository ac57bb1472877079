"""Federation: this region follows other regions' logs into its own tables, and lets them follow every log it keeps.

trust        peers: invited, accepted, revoked
serve        the logs kept here, over HTTP, for peers
remote_log   a peer's log over HTTP: the third kind of `catalog.log.Log`
follower     the follower that writes a mirror
relay        through whom a region is followed while it cannot be reached itself
breaker      a peer that suddenly loses most of its catalog
proof        the digest of a mirror, computed anew
worker       the followers as Celery runs them: one per peer, whoever runs it
status       the matrix: what each region holds of each
forward      a question or a write passed on to the region that it is about
"""
