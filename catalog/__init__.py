"""The idea of Meridian in pure Python: records, the log, following it, the view, and the one query.

Nothing here knows a framework, a network or a clock: `now` is an argument and I/O is somebody else's. Public is what
the modules' docstrings speak of:

    names, duration, status         words and their rules
    instance, check, flap, lease,   what is in a record, and what becomes of it
    registration, override, policy
    change, log, follow, digest     the history, reading it, and proving that two copies agree
    view, roster, query, filter     the catalog in memory, and asking it
    asked, choice, whatif           what is asked, which regions answer it, and what they would answer
    breaker                         how much may be taken away at once
    errors                          what can go wrong
"""
