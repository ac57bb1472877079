"""Runs the server of a region: the discovery plane and Django in one process."""

import resource
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from config.environment import Environment
from config.exposure import Exposed, refuse_exposure
from config.lifeline import die_with_parent

# Parked watchers count as requests in flight. The server's own default of about a thousand would let them keep out
# writes, renewals and health checks; the limits that watchers meet first are MERIDIAN_WATCHERS and
# MERIDIAN_WATCHERS_PER_CLIENT.
IN_FLIGHT = 20_000


class Command(BaseCommand):
    """Ends on SIGTERM or SIGINT."""

    help = "Run the server of a region on MERIDIAN_HTTP_HOST and MERIDIAN_HTTP_PORT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=1, help="processes, each with its own view (default 1)")

    def handle(self, *_: Any, **options: Any) -> None:
        environment: Environment = settings.MERIDIAN
        try:
            refuse_exposure(environment)
        except Exposed as problem:
            raise CommandError(str(problem)) from None
        allow_open_files()
        server(environment, workers=options["workers"]).serve(target_loader=load_application, wrap_loader=False)


def server(environment: Environment, *, workers: int) -> MPServer:
    """The HTTP server, not started yet."""
    return MPServer(
        "config.asgi:application",
        address=environment.http.host,
        port=environment.http.port,
        interface=Interfaces.ASGI,
        workers=workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        backlog=IN_FLIGHT,
        backpressure=IN_FLIGHT,
        workers_kill_timeout=5,
        ssl_cert=environment.tls_certificate,
        ssl_key=environment.tls_key,
        log_level=LogLevels(environment.log_level),
        log_dictconfig=settings.LOGGING,
        working_dir=Path.cwd(),
    )


def load_application() -> Any:
    """Called in each worker process: ties it to its parent and loads what it serves."""
    die_with_parent()
    from config.asgi import application

    return application


def allow_open_files() -> None:
    """Lift this process's limit of open files as far as it may go: every watcher holds a socket."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
