"""Two builds of Meridian side by side: this one, and a former one out of the repository's history.

Each runs by its own `manage.py up`, with the same interpreter and packages. Its cost is that of the whole tree of
processes, also of those that have ended: what ends is added to whoever waited for it.
"""

import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.rig.processes import until
from config.local.child_lifetime import die_with
from config.local.plan import APART, BASE_DIR
from config.local.ports import free_port

READY_WITHIN = 300.0
ENDED_WITHIN = 60.0


@contextmanager
def former(commit: str) -> Iterator[Path]:
    """The directory of the tree of a commit. Raises CalledProcessError where the history does not have it."""
    packed = subprocess.run(["git", "archive", commit], cwd=BASE_DIR, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory(prefix="meridian-build-") as directory:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(directory, filter="data")
        yield Path(directory)


@dataclass(frozen=True, slots=True)
class Tree:
    """The processes of an `up` that runs, and the data and HTTP ports of its regions."""

    top: psutil.Process
    data: Path
    ports: tuple[int, ...]

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        used = 0.0
        for process in self._processes():
            with suppress(psutil.Error):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
        return used

    def memory(self) -> float:
        """Bytes, each page shared among those who map it (PSS)."""
        return float(sum(process.memory_full_info().pss for process in self._processes()))

    def _processes(self) -> list[psutil.Process]:
        return [self.top, *self.top.children(recursive=True)]


@contextmanager
def up(directory: Path, regions: Sequence[str], *flags: str) -> Iterator[Tree]:
    """The regions of the build in `directory`, from the moment at which all are ready."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MERIDIAN_", "DJANGO_"))}
    variables.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory(prefix="meridian-bench-") as data:
        log, http, dns = Path(data) / "bench.log", free_port(), free_port()
        named = ("--region", *regions) if len(regions) == 1 else ("--regions", ",".join(regions))
        command = [sys.executable, "manage.py", "up", *named, "--port", str(http), "--dns-port", str(dns)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--data", data, *flags], cwd=directory, env=variables, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, process_group=0, preexec_fn=partial(die_with, os.getpid()),
            )  # fmt: skip
        try:
            until(lambda: b" ready" in log.read_bytes(), what="the regions are ready", within=READY_WITHIN)
            ports = tuple(http + number * APART for number in range(len(regions)))
            yield Tree(psutil.Process(process.pid), Path(data), ports)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(ENDED_WITHIN)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
