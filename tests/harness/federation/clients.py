"""Clients of every region: they write and look at random, and write down for the witness what they saw.

Each region has one client that writes and one that looks; they speak the native API over HTTP and keep to one clock.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import httpx

from tests.harness.federation.witness import Digested, Failed, Fault, Healed, History, Looked, Wrote

SERVICES = ("witness-orders", "witness-users", "witness-search")
IDS = 6  # instances of each service in each region, at most
CHECK = "self"
STATUSES = ("passing", "warning", "critical")
UNTOUCHED = "passing"  # the status of an instance that has not reported yet
ENDED_WITHIN = 30.0

# Asked at a base URL: region, log, index and digest of every region that it knows.
Digests = Callable[[str], Iterable[tuple[str, str, int, str]]]


def now() -> float:
    """The witness's clock, in seconds."""
    return time.monotonic()


@contextmanager
def fault(history: History, name: str, *, down: Iterable[str] = ()) -> Iterator[None]:
    """Write down that something is broken while the block runs; `down` are the regions whose server is gone."""
    began = now()
    unique = f"{name} at {began:.3f}"
    history.add(Fault(name=unique, at=began, down=frozenset(down)))
    try:
        yield
    finally:
        history.add(Healed(name=unique, at=now()))


class Writer:
    """Registers, replaces, reports and deregisters instances of one region."""

    def __init__(self, region: str, client: httpx.Client, history: History, *, seed: int) -> None:
        self._region = region
        self._client = client
        self._history = history
        self._random = random.Random(f"{seed} writes {region}")
        self._states: dict[str, str | None] = {}  # by key: version and status as acknowledged
        self._generations: dict[tuple[str, int], int] = {}
        self._written = 0

    def act(self) -> None:
        """Write once."""
        place = self._random.choice(SERVICES), self._random.randrange(IDS)
        service, id = place[0], f"{self._region}-{place[1]}-{self._generations.get(place, 0)}"
        if not self._write(service, id):
            # The outcome is unknown and cannot be judged any more, so another instance takes its place.
            self._generations[place] = self._generations.get(place, 0) + 1

    def forget(self) -> None:
        """Replace all instances by others: the outcome of the writes to those is no longer known."""
        self._states.clear()
        for service in SERVICES:
            for number in range(IDS):
                self._generations[service, number] = self._generations.get((service, number), 0) + 1

    def _write(self, service: str, id: str) -> bool:
        """True when the outcome is known."""
        before = self._states.get(f"{service}/{id}")
        if before is None:
            return self._register(service, id, UNTOUCHED)
        action = self._random.choices((self._register, self._report, self._deregister), (5, 3, 2))[0]
        return action(service, id, before.partition(" ")[2])

    def _register(self, service: str, id: str, status: str) -> bool:
        self._written += 1
        version = str(self._written)
        check = {"name": CHECK, "type": "ttl", "ttl": "24h", "status": UNTOUCHED}
        body = {"host": "127.0.0.1", "port": 9, "version": version, "checks": [check]}
        return self._send("PUT", service, id, "", body, f"{version} {status}")

    def _report(self, service: str, id: str, _: str) -> bool:
        version, status = str(self._states[f"{service}/{id}"]).partition(" ")[0], self._random.choice(STATUSES)
        return self._send("PUT", service, id, f"/checks/{CHECK}", {"status": status}, f"{version} {status}")

    def _deregister(self, service: str, id: str, _: str) -> bool:
        return self._send("DELETE", service, id, "", None, None)

    def _send(
        self, method: str, service: str, id: str, rest: str, body: Mapping[str, object] | None, state: str | None
    ) -> bool:
        """Have the instance become `state`, and write down what came of it."""
        began = now()
        answer: httpx.Response | None = None
        try:
            answer = self._client.request(method, f"/services/{service}/{id}{rest}", json=body)
        except httpx.ConnectError:
            return True  # it never left
        except httpx.HTTPError:
            pass  # it left, and no answer came: the outcome is unknown
        if answer is not None and 400 <= answer.status_code < 500:
            return True  # refused: nothing was promised
        acknowledged = answer is not None and answer.is_success
        index = answer.headers.get("meridian-index") if answer is not None and acknowledged else None
        self._history.add(
            Wrote(
                region=self._region,
                key=f"{service}/{id}",
                state=state,
                began=began,
                ended=now(),
                index=None if index is None else int(index),
                acknowledged=acknowledged,
            )
        )
        if acknowledged:
            self._states[f"{service}/{id}"] = state
        return acknowledged


class Looker:
    """Asks one region about all regions."""

    def __init__(
        self, observer: str, regions: Iterable[str], client: httpx.Client, history: History, *, seed: int
    ) -> None:
        self._observer = observer
        self._regions = tuple(regions)
        self._client = client
        self._history = history
        self._random = random.Random(f"{seed} looks {observer}")

    def act(self) -> None:
        """Look once."""
        self.look(self._random.choice(self._regions), self._random.choice(SERVICES))

    def look(self, region: str, service: str) -> None:
        """Ask for all instances of a service in a region."""
        began = now()
        try:
            answer = self._client.get(f"/services/{service}", params={"region": region, "status": "any"})
        except httpx.HTTPError as error:
            self._failed(region, began, f"{type(error).__name__} {error}")
            return
        # A service without instances is an answer, which has an index; an unknown region is none.
        if answer.status_code not in {200, 404} or "meridian-index" not in answer.headers:
            self._failed(region, began, f"status {answer.status_code}: {answer.text[:200]}")
            return
        instances = answer.json() if answer.status_code == 200 else []
        self._history.add(
            Looked(
                observer=self._observer,
                region=answer.headers["meridian-region"],
                scope=f"{service}/",
                began=began,
                ended=now(),
                index=int(answer.headers["meridian-index"]),
                log=answer.headers.get("meridian-log", ""),
                freshness=answer.headers["meridian-freshness"].partition(" ")[0].rstrip(";,"),
                states={f"{service}/{found['id']}": f"{found['version']} {found['status']}" for found in instances},
            )
        )

    def look_everywhere(self) -> None:
        """Ask for every service in every region."""
        for region in self._regions:
            for service in SERVICES:
                self.look(region, service)

    def tell_digests(self, digests: Digests) -> None:
        """Ask which digest it holds of each region."""
        for region, log, index, digest in digests(str(self._client.base_url)):
            self._history.add(
                Digested(observer=self._observer, region=region, at=now(), index=index, digest=digest, log=log)
            )

    def _failed(self, region: str, began: float, reason: str) -> None:
        self._history.add(
            Failed(observer=self._observer, region=region, began=began, ended=now(), reason=reason.strip())
        )


class Clients:
    """A writer and a looker for each region, given by name and base URL, each in a thread of its own.

    `pace` is the mean of the seconds between two acts of one client. What a client cannot handle is raised by `stop`.
    """

    def __init__(
        self,
        regions: Mapping[str, str],
        history: History,
        *,
        seed: int = 0,
        pace: float = 0.02,
        timeout: float = 5.0,
        token: str | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # One client for writing and one for looking: a write that waits must not make a lookup wait.
        self._http = [httpx.Client(base_url=url, timeout=timeout, headers=headers) for url in (*regions.values(),) * 2]
        writing, looking = self._http[: len(regions)], self._http[len(regions) :]
        self._writers = {
            name: Writer(name, http, history, seed=seed) for name, http in zip(regions, writing, strict=True)
        }
        self._lookers = [
            Looker(name, regions, http, history, seed=seed) for name, http in zip(regions, looking, strict=True)
        ]
        self._pace = pace
        self._seed = seed
        self._stopping = threading.Event()
        self._writing = threading.Event()
        self._failures: list[Exception] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._writing.set()
        acts = [
            *((writer.act, self._writing) for writer in self._writers.values()),
            *((each.act, None) for each in self._lookers),
        ]
        for number, (act, gate) in enumerate(acts):
            thread = threading.Thread(target=self._run, args=(number, act, gate), name=f"client {number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            for http in self._http:
                http.close()

    def pause_writes(self) -> None:
        """Stop writing, so that digests can be compared; lookups go on."""
        self._writing.clear()

    def forget(self, region: str) -> None:
        """What was written in a region that does not run is no longer sure, as it was restored."""
        self._writers[region].forget()

    def resume_writes(self) -> None:
        """End a pause."""
        self._writing.set()

    def look_everywhere(self, digests: Digests | None = None) -> None:
        """Ask every region for everything: the final state after a heal, once `stop` has ended the threads."""
        assert self._stopping.is_set(), "the clients still run"
        for looker in self._lookers:
            looker.look_everywhere()
            if digests is not None:
                looker.tell_digests(digests)

    def stop(self) -> None:
        """End the clients' threads; doing it twice is harmless. Raises what a client could not handle."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(ENDED_WITHIN)
            assert not thread.is_alive(), f"{thread.name} does not end"
        if self._failures:
            raise self._failures[0]

    def _run(self, number: int, act: Callable[[], None], gate: threading.Event | None) -> None:
        pauses = random.Random(f"{self._seed} pauses {number}")
        try:
            while not self._stopping.wait(pauses.expovariate(1 / self._pace)):
                if gate is None or gate.is_set():
                    act()
        except Exception as error:  # noqa: BLE001 - kept for `stop`, which raises it where the test sees it
            self._failures.append(error)
