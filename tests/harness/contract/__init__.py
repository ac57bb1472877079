"""The follower contract: every log, every follower, one suite.

    histories    what may happen to a region, as hypothesis draws it
    sources      the logs, each with a way to make history in it and to look at its tables
    followers    what folds a log

A new log is one more class in `sources.SOURCES`, a new follower one more in `followers.FOLLOWERS`.
"""
