"""Asking a peer: one HTTP client for each, with limits that suit a link which may be cut, slow or half open."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec
from django.conf import settings

from catalog.errors import Compacted, Unavailable
from federation import wire
from federation.waits import SILENT

CONNECT_WITHIN = 3.0  # seconds
ANSWER_WITHIN = 5.0
T = TypeVar("T")


class Refused(Unavailable):
    """The peer answers and will not have us: revoked, or not a peer any more."""


class Client:
    """One peer at `url`, shown `secret`. Belongs to one event loop; closed with `close`, or as a context manager."""

    def __init__(self, region: str, url: str, secret: str) -> None:
        self.region = region
        self.url = url.rstrip("/")
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def row(self) -> wire.Row:
        """What the peer keeps. Raises Unavailable."""
        return await self.get("/federation/v1/regions", wire.Row)

    async def digests(self, region: str) -> wire.Digests:
        """The digest of each service of a region there. Raises Unavailable."""
        return await self.get(f"/federation/v1/logs/{region}/digests", wire.Digests, within=60.0)

    async def get(self, path: str, kind: type[T], *, within: float = ANSWER_WITHIN) -> T:
        """One answer in JSON. Raises Unavailable."""
        async with self.open(path, within=within) as answer:
            return _decoded(await _whole(answer, self.region), kind, self.region)

    @asynccontextmanager
    async def open(
        self, path: str, *, parameters: Mapping[str, str] | None = None, within: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer on its way. Raises Compacted, Refused or Unavailable."""
        timeout = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_WITHIN, sock_read=within or SILENT)
        async with (
            reaching(self.region),
            self._open().get(self.url + path, params=parameters, timeout=timeout) as answer,
        ):
            if answer.status != 200:
                await _refuse(answer, self.region)
            yield answer

    async def send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, within: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Pass a request on; any status is an answer. Raises Unavailable when there is none in time."""
        timeout = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_WITHIN)
        async with (
            reaching(self.region),
            self._open().request(
                method, self.url + path, data=body or None, headers=dict(headers), timeout=timeout
            ) as answer,
        ):
            return answer.status, dict(answer.headers), await answer.read()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._secret}"} if self._secret else {},
                connector=aiohttp.TCPConnector(ssl=tls(self.url), limit=0),
                auto_decompress=False,
            )
        return self._session


def tls(url: str) -> ssl.SSLContext | bool:
    """How to trust the peer's certificate: by the CAs of MERIDIAN_PEER_CA, or else by those of this machine."""
    authority: Path | None = settings.MERIDIAN.peer_ca
    return _trusting(authority) if url.startswith("https:") and authority is not None else True


@lru_cache(maxsize=4)
def _trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


@asynccontextmanager
async def reaching(region: str) -> AsyncIterator[None]:
    """What goes wrong on a network, as Unavailable with a sentence."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable(f"{region} does not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{region} cannot be reached: {str(error) or type(error).__name__}") from error


async def _refuse(answer: aiohttp.ClientResponse, region: str) -> None:
    detail = _detail(await answer.content.read(4096))
    if answer.status == 410:
        raise Compacted(detail)
    if answer.status in (401, 403):
        raise Refused(f"{region} refuses this region: {detail}")
    raise Unavailable(f"{region} answers {answer.status}: {detail}")


def _detail(body: bytes) -> str:
    try:
        problem: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body[:200].decode("ascii", "replace")
    return str(problem.get("detail", ""))[:300] if isinstance(problem, dict) else ""


async def _whole(answer: aiohttp.ClientResponse, region: str) -> bytes:
    body = await answer.read()
    if not body:
        raise Unavailable(f"{region} gives an empty answer")
    return body


def _decoded(body: bytes, kind: type[T], region: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unavailable(f"{region} gives an answer that cannot be read: {error}") from error
