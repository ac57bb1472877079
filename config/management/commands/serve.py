"""Runs the server of a region: the discovery plane and Django in one process."""

import resource
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import http_server
from config.environment import Environment
from config.exposure import Exposed, refuse_exposure
from config.local.ports import Claim, busy_claim

MOST_PROCESSES = 64
EXAMPLES = """examples:
  ./meridian serve
      on the address of MERIDIAN_HTTP_HOST and MERIDIAN_HTTP_PORT
  ./meridian serve --processes 4
      four processes on one port, each with its own view
"""


class Command(BaseCommand):
    """Ends on SIGTERM or SIGINT."""

    help = "Run the server of a region on MERIDIAN_HTTP_HOST and MERIDIAN_HTTP_PORT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("--processes", type=int, default=1, metavar="N", help="default %(default)s")

    def handle(self, *_: Any, **options: Any) -> None:
        """Serve until a signal says otherwise, or say in a sentence why that cannot be."""
        environment: Environment = settings.MERIDIAN
        count: int = options["processes"]
        if not 1 <= count <= MOST_PROCESSES:
            raise CommandError(f"--processes is {count}: use 1 to {MOST_PROCESSES}.")
        try:
            refuse_exposure(environment)
        except Exposed as problem:
            raise CommandError(str(problem)) from None
        busy = busy_claim((Claim(environment.http, "HTTP", "MERIDIAN_HTTP_PORT"),))
        if busy is not None:
            raise CommandError(busy)
        allow_open_files()
        # Once everything has ended, uvicorn raises the signal that it ended for again: that is no failure.
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: sys.exit(0))
        http_server.serve(environment, processes=count)


def allow_open_files() -> None:
    """Lift this process's limit of open files as far as it may go: every watcher holds a socket."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
