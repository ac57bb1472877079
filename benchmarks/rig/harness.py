"""The harness: which core serves, which one loads, how many rounds, and the machine's name."""

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig import load, processes
from benchmarks.rig.figure import Figure

__all__ = ["Figure", "Harness", "machine"]


@dataclass(frozen=True, slots=True)
class Harness:
    """Servers run on `server_core`, the load generator on `load_core`. Comparisons run `rounds` times, in turns."""

    rounds: int = 3
    seconds: float = 3.0
    server_core: int = 0
    load_core: int = 1

    def region(
        self,
        parts: Sequence[str] = ("server",),
        *,
        name: str = "us-east",
        variables: Mapping[str, str] | None = None,
        seed: Callable[[Path, Mapping[str, str]], None] | None = None,
        pinned: bool = True,
    ) -> AbstractContextManager[processes.Region]:
        """A region on the server's core; see `processes.region`."""
        core = self.server_core if pinned else None
        return processes.region(parts, core=core, name=name, variables=variables, seed=seed)

    def nginx(self, files: Mapping[str, bytes]) -> AbstractContextManager[str]:
        """nginx on the server's core; see `processes.nginx`."""
        return processes.nginx(files, core=self.server_core)

    def etcd(self) -> AbstractContextManager[str]:
        """etcd on the server's core; see `processes.etcd`."""
        return processes.etcd(core=self.server_core)

    def running(
        self, command: Sequence[str], *, log: Path, variables: Mapping[str, str] | None = None
    ) -> AbstractContextManager[object]:
        """Any other server on the server's core; see `processes.running`."""
        return processes.running(command, core=self.server_core, log=log, variables=variables)

    def wrk(self, url: str, *, connections: int = 32, script: str = "", headers: Sequence[str] = ()) -> load.Load:
        """wrk on the load generator's core; see `load.wrk`."""
        return load.wrk(
            url, core=self.load_core, connections=connections, seconds=self.seconds, script=script, headers=headers
        )

    def settle_on_load_core(self) -> None:
        """Move this process to the load generator's core, for a benchmark that is its own load generator."""
        os.sched_setaffinity(0, {self.load_core})

    def medians(self, **measures: Callable[[], float]) -> dict[str, float]:
        """The median of each measure over the rounds. The measures take turns, so that what drifts hits them alike."""
        taken: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(self.rounds):
            for name, measure in measures.items():
                taken[name].append(measure())
        return {name: statistics.median(values) for name, values in taken.items()}


def machine() -> str:
    """The machine in one line, so that figures are never read without it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"
