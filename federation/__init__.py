"""Federation: this region follows other regions' logs into its own tables, and lets them follow every log it keeps.

peers       who is trusted: invited, accepted, revoked
follow      the followers of peers' logs, one per peer: relays, the breaker, audits
serve       the logs kept here, over HTTP, for peers; and requests forwarded between regions
status      the matrix: what each region holds of each
wire        the form in which logs travel
client      asking a peer
api, admin  the same for people and tools
"""
