"""Several processes on one port: the kernel spreads the questions, each process has its own view and its own core."""

import os
import signal
from collections.abc import Callable


def run(count: int, child: Callable[[int], None]) -> int:
    """Fork `count` processes that call `child` with their number; returns an exit code when all have ended.

    SIGTERM and SIGINT are passed on. When one ends by itself the others are ended too, so that the supervisor of this
    process starts them all afresh. Must be called before any thread is started.
    """
    pids = {_fork(number, child) for number in range(count)}

    def pass_on(signal_number: int, _: object) -> None:
        _signal(pids, signal_number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    worst = 0
    while pids:
        pid, status = os.wait()
        pids.discard(pid)
        worst = max(worst, abs(os.waitstatus_to_exitcode(status)))
        _signal(pids, signal.SIGTERM)
    return worst


def _signal(pids: set[int], signal_number: int) -> None:
    for pid in pids:
        os.kill(pid, signal_number)


def _fork(number: int, child: Callable[[int], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        child(number)
        code = 0
    finally:
        # Without the interpreter's end: what the parent had open is the parent's to close.
        os._exit(code)
