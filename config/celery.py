"""The Celery application: health checks, lease expiry, following peers, compaction."""

import os
import sys
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_process_init
from kombu import Queue

from config.local.child_lifetime import die_with_parent
from config.local.plan import BASE_DIR

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Celery warns a worker that runs as root, as in a container, because pickled messages would run as root. Ours are
# JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

_path = list(sys.path)
app = Celery("meridian")
# With Django, Celery puts the current directory first on the path, and so whatever lies about there before our modules
# of the same name. What belongs there is this project, from wherever it is run.
sys.path[:] = [str(BASE_DIR), *_path]
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Each task and how often it runs, in seconds. One that has waited for as long is dropped: the next does its work.
EVERY = {
    "registry.tasks.probe": 1.0,
    "registry.tasks.sweep_leases": 1.0,
    "registry.tasks.remove_critical": 1.0,
    "registry.tasks.expire_overrides": 1.0,
    "registry.tasks.compact_log": 86_400.0,
    "federation.tasks.follow_peers": 1.0,
}
app.conf.beat_schedule = {
    task: {"task": task, "schedule": every, "options": {"expires": every}} for task, every in EVERY.items()
}
# Probing has a queue of its own, so that a worker far behind with its probes cannot hold up the expiry of leases. A
# worker takes from both in turn unless `--queues` says otherwise.
app.conf.task_default_queue = "upkeep"
app.conf.task_queues = [Queue("upkeep"), Queue("probes")]
app.conf.task_routes = {"registry.tasks.probe": {"queue": "probes"}}


@worker_process_init.connect
def tie_to_worker(**_: Any) -> None:
    """A pool process must not outlive its worker, whatever ends it."""
    die_with_parent()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Being connected is enough: Celery then leaves the logging that Django has set up alone."""
