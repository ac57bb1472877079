"""The idea of Meridian in pure Python: records, the log, following it, the view, and the one query.

Nothing here knows a framework, a network or a clock: `now` is an argument, and I/O is the caller's. The modules:

    names, duration, status         words and their rules
    instance, check, flap, lease,   what is in a record, and what becomes of it
    registration, override, policy
    kinds                           the table of the kinds of records, one row for each
    change, log, follow             the history, and reading it
    digest, ledger                  proving, step by step, that two copies agree
    touched                         the names that changes touch and answers depend on
    view, roster, query, filter     the catalog in memory, and asking it
    query_types, region_choice, whatif  what is asked, which regions answer it, and what they would answer
    breaker                         how much may be taken away at once
    errors                          what can go wrong
"""
