"""Runs the worker of a region on one machine; on several machines, Celery's workers and beat do the same."""

import signal
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand

from catalog.errors import Unavailable
from config.celery import EVERY, app
from config.local.worker import LocalWorker, Task
from registry.leader_lock import free_all
from registry.tasks import probe, probe_for_a_second

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Ends on SIGTERM or SIGINT."""

    help = "Run probes, lease expiry and the followers of peers in one process, without Celery's queue and beat."

    def handle(self, *_: Any, **__: Any) -> None:
        """Work until a signal says otherwise."""
        app.loader.import_default_modules()
        tasks: dict[str, tuple[Task, float]] = {name: (app.tasks[name], every) for name, every in EVERY.items()}
        tasks[probe.name] = probe_for_a_second, 0.0  # no other worker helps: the next round follows at once
        worker = LocalWorker(tasks)
        ending = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)  # of all threads: the one that waits gets them
        with suppress(Unavailable):  # then they lapse by themselves
            free_all(settings.MERIDIAN.region)
        worker.start()
        logger.info("the worker is ready", tasks=len(tasks))
        signal.sigwait(ending)
        worker.stop()
