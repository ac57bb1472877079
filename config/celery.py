"""The Celery application: health checks, lease expiry, compaction."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_process_init

from config.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Celery warns a worker that runs as root, as in a container, because pickled messages would run as root. Ours are
# JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("meridian")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def tie_to_worker(**_: Any) -> None:
    """A pool process must not outlive its worker, whatever ends it."""
    die_with_parent()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Being connected is enough: Celery then leaves the logging that Django has set up alone."""
