"""A federation on trial: three regions as real processes, a link each way between every two of them, clients that
write and look all the time, and a witness that judges what they saw.
"""

import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import combinations, permutations
from pathlib import Path
from typing import Self

import httpx
import msgspec

from tests.harness.federation import clients as at_work
from tests.harness.federation.clients import Clients, Looker
from tests.harness.federation.link import Link
from tests.harness.federation.regions import join, running
from tests.harness.federation.witness import CONVERGED_WITHIN, History, Restored, Violation, judge
from tests.harness.processes import is_alive
from tests.harness.region import Region
from tests.harness.waiting import eventually

NAMES = ("us-east", "eu-west", "ap-south")
DATABASE = "meridian.sqlite3"
PACE = 0.15  # seconds between two acts of one client; six of them share the machine with three regions
SETTLED = 0.3  # more seconds until the last word is asked


class Held(msgspec.Struct, frozen=True):
    """What a region holds of one."""

    name: str
    log_id: str
    index: int
    digest: str


def held(url: str) -> dict[str, Held]:
    """What the region at `url` holds in its tables, by region. Raises OSError when it cannot be asked."""
    with urllib.request.urlopen(f"{url}/api/v1/regions", timeout=5) as answer:
        return {row.name: row for row in msgspec.json.decode(answer.read(), type=list[Held])}


def digests(url: str) -> Iterator[tuple[str, str, int, str]]:
    """The same as the witness wants it."""
    return ((row.name, row.log_id, row.index, row.digest) for row in held(url).values())


class Trial:
    """Start it once; break something with `broken`, and see with `verdict` whether every promise was kept."""

    def __init__(self, place: Path) -> None:
        self._stack = ExitStack()
        self.regions = {name: Region(place / name, name=name) for name in NAMES}
        self.links: dict[tuple[str, str], Link] = {}
        self.history = History()
        self.broken_at = self.healed_at = at_work.now()
        self._clients: Clients | None = None
        self._last: list[Looker] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for region in self.regions.values():
            # Closing sends a second signal, which ends what is left at once.
            if region.supervisor is not None and region.supervisor.poll() is None:
                region.supervisor.terminate()
        self._stack.close()

    def __getitem__(self, name: str) -> Region:
        return self.regions[name]

    @property
    def clients(self) -> Clients:
        """Those who write and look."""
        assert self._clients is not None
        return self._clients

    def _start(self) -> None:
        self._stack.enter_context(running(*self.regions.values(), within=240))
        for here, there in permutations(NAMES, 2):
            self.links[here, there] = self._stack.enter_context(Link(self[there].http_port))
        for one, other in combinations(NAMES, 2):
            join(
                self[one], self[other],
                inviting_url=self.links[other, one].url, accepting_url=self.links[one, other].url,
            )  # fmt: skip
        self.await_equal(within=60)
        urls = {name: region.url for name, region in self.regions.items()}
        self._clients = self._stack.enter_context(Clients(urls, self.history, pace=PACE))
        for name, url in urls.items():
            http = self._stack.enter_context(httpx.Client(base_url=url, timeout=5))
            self._last.append(Looker(name, NAMES, http, self.history, seed=0))
        self.clients.pause_writes()

    def cut(self, one: str, other: str) -> None:
        """Cut the link both ways."""
        self.links[one, other].cut()
        self.links[other, one].cut()

    def isolate(self, name: str) -> None:
        """Cut every link of a region."""
        for other in NAMES:
            if other != name:
                self.cut(name, other)

    def heal(self) -> None:
        """Mend every link."""
        for link in self.links.values():
            link.heal()

    def kill(self, name: str) -> None:
        """End every process of a region at once, without warning, as when its machine loses power."""
        region = self[name]
        assert region.supervisor is not None
        everything = region.processes()
        region.supervisor.kill()
        region.supervisor.wait(10)
        eventually(lambda: not any(map(is_alive, everything)), within=20, what=f"nothing of {name} runs any more")

    def start(self, name: str) -> None:
        """Start a region again, and wait until all of it is there: its server, and its worker, which follows."""
        region = self[name]
        before = region.log().count("the worker is ready")
        region.start()
        eventually(lambda: region.log().count("the worker is ready") > before, within=60, what="the worker is ready")

    def backup(self, name: str) -> tuple[Path, float]:
        """A copy of a region's database, and what time it shows."""
        as_of = at_work.now()
        copy = self[name].data / "backup"
        with (
            closing(sqlite3.connect(self[name].data / DATABASE)) as database,
            closing(sqlite3.connect(copy)) as target,
        ):
            database.backup(target)
        return copy, as_of

    def restore(self, name: str, copy: Path, as_of: float) -> None:
        """Put the copy in the place of the database of a region that does not run."""
        for suffix in ("", "-wal", "-shm"):
            self[name].data.joinpath(DATABASE + suffix).unlink(missing_ok=True)
        copy.rename(self[name].data / DATABASE)
        self.clients.forget(name)
        now = at_work.now()
        for region in NAMES:
            # What it holds of the others goes back as well, though nothing that they had acknowledged may be lost.
            self.history.add(Restored(region=region, as_of=as_of if region == name else now, at=now))

    @contextmanager
    def broken(self, name: str, *, down: Iterable[str] = ()) -> Iterator[None]:
        """Something is broken while the block runs, which ends by mending it; clients write all the time, up to then.

        `down` are the regions that cannot be asked meanwhile.
        """
        self.broken_at = at_work.now()
        self.clients.resume_writes()
        time.sleep(1.0)
        with at_work.fault(self.history, name, down=down):
            yield
        self.healed_at = at_work.now()
        self.clients.pause_writes()

    def live(self, seconds: float) -> None:
        """Let the clients work for a while."""
        time.sleep(seconds)

    def settle(self) -> float:
        """Wait until all regions hold the same of each; returns how many seconds after the heal.

        Raises AssertionError when it takes longer than it may.
        """
        return self.await_equal(within=CONVERGED_WITHIN - (at_work.now() - self.healed_at))

    def verdict(self) -> list[Violation]:
        """Ask every region once more; the promises that were broken since the last fault began."""
        time.sleep(max(0.0, self.healed_at + CONVERGED_WITHIN + SETTLED - at_work.now()))
        for looker in self._last:
            looker.look_everywhere()
            looker.tell_digests(digests)
        seen = self.history.counts()
        assert seen["Wrote"] > 0, "nothing was written"
        assert seen["Looked"] > 0, "nothing was looked up"
        return [violation for violation in judge(self.history) if violation.at >= self.broken_at]

    def await_equal(self, *, within: float, of: Iterable[str] = NAMES, by: Iterable[str] = NAMES) -> float:
        """Wait until the regions `by` hold the same of the regions `of`; returns how many seconds after the heal."""
        began, of, by = at_work.now(), tuple(of), tuple(by)
        while True:
            held_by = {name: self._held(name) for name in by}
            if all(len({found.get(region) for found in held_by.values()}) == 1 for region in of) and all(
                region in held_by[by[0]] for region in of
            ):
                return at_work.now() - self.healed_at
            assert at_work.now() - began < within, f"not equal within {within:.1f} s: {differences(held_by, of)}"
            time.sleep(0.1)

    def _held(self, name: str) -> dict[str, Held]:
        try:
            return held(self[name].url)
        except (OSError, urllib.error.URLError):
            return {}


def differences(held_by: dict[str, dict[str, Held]], of: Iterable[str]) -> str:
    """Which region holds what, for the message of a failure."""
    rows = []
    for region in of:
        words = [
            f"{by} {found[region].log_id[:4]}:{found[region].index}:{found[region].digest[:6]}"
            if region in found
            else f"{by} nothing"
            for by, found in held_by.items()
        ]
        rows.append(f"{region} is {', '.join(words)}")
    return "; ".join(rows)
