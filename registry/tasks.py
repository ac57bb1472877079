"""What Celery runs for the registry; config/celery.py says when. Each task passes to a function in its own file."""

import structlog
from celery import shared_task

from catalog.errors import Unavailable
from registry.probe_worker import probe_round

logger = structlog.get_logger(__name__)
BEHIND = 1.0  # seconds that a check may be overdue before another process is asked to help


@shared_task(name="registry.tasks.probe")
def probe() -> None:
    """Probe for a second; see `registry.probing`."""
    try:
        done = probe_round()
    except Unavailable as error:
        logger.warning("nothing can be probed", reason=str(error))
        return
    if done.lateness > BEHIND and done.probes:
        probe.apply_async(expires=BEHIND)
