"""A discovery plane over a log in memory, and a client that speaks ASGI to it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from catalog.change import Change
from catalog.log import Log, MemoryLog
from catalog.records.instance import Instance, instance_key, settled
from catalog.records.override import Override, Scope
from catalog.records.registration import from_mapping, to_instance
from catalog.records.status import Status
from config.dialects import DIALECTS
from discovery.plane import Plane
from discovery.view.probe_heartbeat import Pulse
from discovery.web import server
from discovery.web.dialect import Dialect
from discovery.web.operations import routes
from discovery.web.operations.health import Health
from registry.access import Entry, TokenTable
from registry.access.secret import hashed, new_secret
from registry.asgi import ASGI
from registry.leases.renewals import Renewals

REGION = "us-east"
BEGAN = 1_800_000_000.0


class Answer(msgspec.Struct):
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def index(self) -> int:
        return int(self.headers["meridian-index"])


class Exchange:
    """One request under way: what the application has sent so far, and a way to hang up."""

    def __init__(self, application: server.Application, scope: dict[str, Any], body: bytes) -> None:
        self._requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._requests.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.status, self.headers = 0, dict[str, str]()
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.body = b""
        self._answered = asyncio.Event()
        self.task = asyncio.create_task(self._run(application, scope))

    async def _run(self, application: server.Application, scope: dict[str, Any]) -> None:
        await application(scope, self._requests.get, self._send)

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.body += message.get("body", b"")
        self.chunks.put_nowait(message.get("body", b""))
        if not message.get("more_body"):
            self._answered.set()
            self.hang_up()  # as a server says once the answer is out

    def hang_up(self) -> None:
        self._requests.put_nowait({"type": "http.disconnect"})

    async def answer(self, within: float = 5.0) -> Answer:
        async with asyncio.timeout(within):
            await self._answered.wait()
            await self.task
        return Answer(self.status, self.headers, self.body)

    @property
    def is_answered(self) -> bool:
        return self._answered.is_set()

    async def event(self, within: float = 5.0) -> dict[str, str]:
        """The next event of a stream, by the names of its fields."""
        async with asyncio.timeout(within):
            chunk = (await self.chunks.get()).decode()
        assert chunk.endswith("\n\n")
        return dict(line.split(": ", 1) for line in chunk.strip().splitlines())


class World:
    """A region whose log the test writes, and whose clock it turns."""

    def __init__(
        self,
        data: Path,
        *,
        is_open: bool = True,
        otherwise: ASGI | None = None,
        dialects: Sequence[Dialect] = DIALECTS,
        application: type[server.Application] = server.Application,
        log: Log | None = None,
        **limits: Any,
    ) -> None:
        self.now = BEGAN
        self.log = MemoryLog(REGION)
        self.entries: list[Entry] = []
        self.tokens = TokenTable(is_open=is_open, read=lambda: self.entries, clock=lambda: self.now)
        self.plane = Plane(
            log=log or self.log, tokens=self.tokens, renewals=Silent, data_dir=data, clock=lambda: self.now, **limits
        )
        self.round: float | None = BEGAN
        self.pulse = Pulse(self.plane.view, REGION, self._last_round, clock=lambda: self.now)
        self.health = Health(self.plane, self.pulse, {})
        operating = routes.application(self.plane, self.health, _no_metrics)
        self.application = application(
            self.plane,
            dialects,
            beside={"health": operating, "metrics": operating},
            otherwise=otherwise or _not_ours,
        )

    async def _last_round(self) -> float | None:
        return self.round

    async def put(self, service: str, id: str, *, status: Status = Status.PASSING, **given: Any) -> Change:
        """Write an instance as if it had been registered and checked; returns once the view has it."""
        namespace = given.pop("namespace", "default")
        registration = from_mapping({"host": "10.0.1.5", "port": 8080, **given})
        instance = to_instance(registration, region=REGION, service=service, id=id, namespace=namespace, now=self.now)
        if status is not Status.PASSING:
            instance = msgspec.structs.replace(instance, lease_expired=status is Status.CRITICAL)
            instance = settled(instance, self.now)
        return await self.append(instance.key, instance)

    async def remove(self, service: str, id: str, namespace: str = "default") -> Change:
        return await self.append(instance_key(namespace, service, id), None)

    async def override(self, id: str, *, service: str, **given: Any) -> Change:
        override = Override(
            id=id, region=REGION, scope=Scope.SERVICE, service=service, reason="for the test", author="alice",
            created_at=self.now, **given,
        )  # fmt: skip
        return await self.append(override.key, override)

    async def append(self, key: str, record: Instance | Override | None) -> Change:
        change = self.log.append(key, record, at=self.now)
        assert await self.plane.following.reached(change.index, timeout=5)
        return change

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        client: str = "127.0.0.1",
    ) -> Exchange:
        """Begin a request; `target` is path and query as they stand on the wire."""
        path, _, query = target.partition("?")
        raw = path.encode("latin-1")
        scope = {
            "type": "http", "method": method, "path": unquote_to_bytes(raw).decode(errors="replace"), "raw_path": raw,
            "query_string": query.encode("latin-1"), "client": (client, 40_000), "http_version": "1.1",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        }  # fmt: skip
        return Exchange(self.application, scope, body)

    async def ask(self, method: str, target: str, **given: Any) -> Answer:
        """One whole exchange."""
        return await self.send(method, target, **given).answer()

    async def get(self, target: str, **given: Any) -> Answer:
        return await self.ask("GET", target, **given)

    def token(self, name: str, *scopes: str, expires_at: float | None = None) -> dict[str, str]:
        """Make a token of these scopes; returns the header that shows it."""
        token_id, secret = new_secret()
        self.entries.append(Entry(id=token_id, name=name, hash=hashed(secret), scopes=scopes, expires_at=expires_at))
        self.tokens.reload()
        return {"authorization": f"Bearer {secret}"}

    async def parked(self, number: int) -> None:
        """Return once so many watchers wait."""
        async with asyncio.timeout(5):
            while self.plane.watchers.count != number:
                await asyncio.sleep(0)


class Silent(Renewals):
    """Renewals without a lease store: it does not announce that this server takes them."""

    def __init__(self) -> None:
        return

    async def listen(self) -> None:
        return


async def _no_metrics() -> str:
    return ""


async def _not_ours(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"not of the discovery plane"})


@contextlib.asynccontextmanager
async def opened(data: Path, **given: Any) -> AsyncIterator[World]:
    """A world that is running."""
    world = World(data, **given)
    await world.plane.start()
    try:
        async with asyncio.timeout(5):
            await world.plane.following.ready.wait()
        yield world
    finally:
        await world.plane.stop()
