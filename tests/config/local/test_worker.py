"""The worker of a region on one machine repeats its tasks, whatever they do."""

import threading
from collections.abc import Callable

from config.local.worker import LocalWorker

WITHIN = 10.0


def times(number: int) -> tuple[Callable[[], None], threading.Event]:
    """A task, and an event that is set once it has run so often."""
    runs, enough = [], threading.Event()

    def task() -> None:
        runs.append(1)
        if len(runs) >= number:
            enough.set()

    return task, enough


def test_a_task_is_run_again_and_again() -> None:
    task, enough = times(3)
    worker = LocalWorker({"task": (task, 0.01)})
    worker.start()
    assert enough.wait(WITHIN)
    worker.stop()


def test_a_task_that_fails_is_run_again() -> None:
    task, enough = times(2)

    def failing() -> None:
        task()
        raise ValueError("a defect")

    worker = LocalWorker({"failing": (failing, 0.01)})
    worker.start()
    assert enough.wait(WITHIN)
    worker.stop()


def test_a_task_that_hangs_holds_up_no_other() -> None:
    free, (task, enough) = threading.Event(), times(3)
    worker = LocalWorker({"hanging": (free.wait, 0.01), "task": (task, 0.01)})
    worker.start()
    assert enough.wait(WITHIN)
    free.set()
    worker.stop()


def test_a_task_under_way_comes_to_its_end() -> None:
    begun, free, ended = threading.Event(), threading.Event(), threading.Event()

    def task() -> None:
        begun.set()
        free.wait(WITHIN)
        ended.set()

    worker = LocalWorker({"task": (task, 60.0)})
    worker.start()
    assert begun.wait(WITHIN)
    threading.Timer(0.1, free.set).start()
    worker.stop()
    assert ended.is_set()
