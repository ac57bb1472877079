"""The waits of leases and probes fit each other, and how often Celery runs their tasks."""

from config.celery import EVERY
from registry import waits

SWEEP, PROBE = EVERY["registry.tasks.sweep_leases"], EVERY["registry.tasks.probe"]


def test_a_server_may_miss_a_few_notes_before_leases_are_paused() -> None:
    assert 3 * waits.LISTENING_NOTED < waits.NO_SERVER_AFTER


def test_sweeps_may_be_late_before_time_is_blind() -> None:
    assert 3 * SWEEP <= waits.LONGEST_STEP < waits.ABSENT_AFTER


def test_a_killed_sweep_is_no_absence() -> None:
    assert waits.SWEEP_LOCK_LASTS + SWEEP < waits.ABSENT_AFTER


def test_a_round_of_probes_ends_when_the_next_is_asked_for() -> None:
    assert waits.ROUND == PROBE


def test_another_worker_leads_and_probes_before_probing_counts_as_stopped() -> None:
    assert waits.LEADER_LASTS + waits.LEADER_RENEWED < waits.PROBING_STOPPED_AFTER


def test_a_leader_may_miss_a_renewal_or_two() -> None:
    assert 2 * waits.LEADER_RENEWED < waits.LEADER_LASTS
