"""`python -m demo`: run the fleet until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Sequence

import uvloop

from demo.fleet import Fleet
from demo.options import Options, parse_options
from demo.report import Report

EXIT_AT_ONCE = 130
# A listening socket and a checker's connection for each instance exceed the usual 1024.
WANTED_FILES = 8192


async def run(options: Options) -> None:
    """Run a fleet until SIGINT or SIGTERM."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            # A second signal: stop at once.
            os._exit(EXIT_AT_ONCE)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    await Fleet(options, Report(quiet=options.quiet)).run(stop)


def allow_many_files() -> None:
    """Raise this process's limit of open files as far as is needed and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    allow_many_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
