"""Tokens: who may do what.

    grant       scopes, and what they allow
    secret      the text of a token, and reading it from a request
    table       every token of the region in memory: what the servers ask
    process     the one table of this process, kept fresh in the background
    door        who is let in without a token, where none is needed
    issuing     creating and revoking tokens (the only part that writes)

Public to the other planes are the names below, `registry.access.process` and `registry.access.door`.
"""

from registry.access.grant import Grant, parse_scopes
from registry.access.secret import presented
from registry.access.table import Entry, TokenTable

__all__ = ["Entry", "Grant", "TokenTable", "parse_scopes", "presented"]
