"""`python -m demo`: run the fleet until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from demo.fleet import Fleet
from demo.options import Options, parse_options
from demo.report import Report

EXIT_AT_ONCE = 130


async def run(options: Options) -> None:
    """Run a fleet until SIGINT or SIGTERM."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            # The second signal: somebody is in a hurry.
            os._exit(EXIT_AT_ONCE)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    await Fleet(options, Report(quiet=options.quiet)).run(stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
