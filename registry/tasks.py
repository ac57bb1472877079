"""What Celery runs for the registry; config/celery.py says when. Each task passes to a function in its own file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError
from redis import RedisError

from catalog.errors import Unavailable
from registry.checks.worker import probe_round
from registry.leases.store import store
from registry.log.compaction import compact
from registry.log.mirror import heads
from registry.upkeep.expired_overrides import clear_expired_overrides
from registry.upkeep.removal import remove_critical as remove_all_critical
from registry.upkeep.sweep import sweep

logger = structlog.get_logger(__name__)
BEHIND = 1.0  # seconds that a check may be overdue before another process is asked to help


@shared_task(name="registry.tasks.probe")
def probe() -> None:
    """Probe for a second; see `probe_for_a_second`. One that is far behind asks another process to help."""
    if probe_for_a_second():
        probe.apply_async(expires=BEHIND)


def probe_for_a_second() -> bool:
    """Probe what is due; see `registry.checks.worker`. Returns whether that leaves checks overdue."""
    try:
        done = probe_round()
    except Unavailable as error:
        logger.warning("nothing can be probed", reason=str(error))
        return False
    return done.lateness > BEHIND and done.probes > 0


@shared_task(name="registry.tasks.sweep_leases")
def sweep_leases() -> None:
    """Expire leases that were not renewed; see `registry.upkeep.sweep`."""
    with _outage_is_ordinary("leases are not swept"):
        sweep(store())


@shared_task(name="registry.tasks.remove_critical")
def remove_critical() -> None:
    """Deregister instances that were critical for too long; see `registry.upkeep.removal`."""
    with _outage_is_ordinary("critical instances are not removed"):
        remove_all_critical(store())


@shared_task(name="registry.tasks.expire_overrides")
def expire_overrides() -> None:
    """Clear expired overrides; see `registry.upkeep.expired_overrides`."""
    with _outage_is_ordinary("overrides are not cleared"):
        clear_expired_overrides(time.time())


@shared_task(name="registry.tasks.compact_log")
def compact_log() -> None:
    """Forget what is older than the history to keep; see `registry.log.compaction`."""
    with _outage_is_ordinary("the log is not compacted"):
        for kept in heads():
            compact(kept.region, keep=settings.MERIDIAN.history, now=time.time())


@contextmanager
def _outage_is_ordinary(consequence: str) -> Iterator[None]:
    """An unreachable database or Valkey is one line in the log: the same task comes again in a second."""
    try:
        yield
    except (Unavailable, DatabaseError, RedisError) as error:
        logger.warning(consequence, reason=str(error))
