"""Probes: asking an instance how it is, over HTTP, TCP, gRPC or DNS. README.md is the man page of the check types.

    engine      Engine: one probe of a check, whatever its type
    guard       Guard: which addresses a probe may connect to
    outcome     Outcome: what a probe saw

Nothing here knows a schedule, a database or what earlier probes saw.
"""
