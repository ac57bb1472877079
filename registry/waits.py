"""The waits of leases and probes that depend on each other, each with its reason. All are seconds.

Those of mirrors are in `federation/waits.py`. `tests/registry/test_waits.py` holds them to what is said here.
"""

# Leases. Beat asks for a sweep every second (`config/celery.py`).

# Between two notes of a server that it takes renewals.
LISTENING_NOTED = 0.5
# Without such a note of any server: clients are being turned away, so their silence means nothing.
NO_SERVER_AFTER = 2.0
# By which one sweep moves the observed clock at most. Sweeps are a second apart; three cover a busy machine. A longer
# gap counts for three seconds, so that even sweeps that are always late find the dead in the end.
LONGEST_STEP = 3.0
# Without a sweep: clients may have been turned away for longer than their leases, so all are granted again.
ABSENT_AFTER = 10.0
# For which a sweep that was killed holds up the next one. Two sweeps at a time would do no harm.
SWEEP_LOCK_LASTS = 5.0

# Probes. Beat asks for a round every second.

# For which a round claims what is due.
ROUND = 1.0
# Beyond the end of a round: its loop is taken for stuck.
ROUND_GIVEN_UP = 10.0
# Without a completed round: servers trust a verdict only for as long as its last probe is fresh.
PROBING_STOPPED_AFTER = 5.0
# Between two renewals of the leader that keeps the schedule, and between two attempts of the others to lead.
LEADER_RENEWED = 1.0
# Without a renewal: another leads. Until then known checks are probed all the same, only new ones wait.
LEADER_LASTS = 3.0
# Beyond the timeout of a check: a claimed probe is lost, and the check due again. It covers waiting for a free place in
# a busy worker: a shorter one would probe twice what such a worker has not come to yet.
CLAIM_MARGIN = 5.0
