"""The registry as the fleet sees it: three requests of the native HTTP API, with answers that are never exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp

MOST_CONNECTIONS = 32
# Registering and leaving cost the registry a durable write each: a starting fleet must not arrive all at once.
MOST_WRITES_AT_ONCE = 16
REQUEST_SECONDS = 5.0
FAILURES_BEFORE_LOST = 3
MOST_DETAIL = 300


class Outcome(StrEnum):
    """What became of a request, in terms of what to do next."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome, how many seconds the registry asked to wait (0 if it did not say), and its message if it refused."""

    outcome: Outcome
    retry_after: float = 0.0
    detail: str = ""


_TRY_LATER = frozenset({408, 425, 429})


class Registry:
    """One HTTP session with the registry at `url`. Use as an async context manager.

    `on_reachable` is called with False once several requests in a row had no answer, and with True when one is
    answered again.
    """

    def __init__(self, url: str, *, token: str | None, on_reachable: Callable[[bool], None]) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._on_reachable = on_reachable
        self._failures = 0
        self._writes = asyncio.Semaphore(MOST_WRITES_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            headers=self._headers,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def lost(self) -> bool:
        """Whether the last several requests had no answer."""
        return self._failures >= FAILURES_BEFORE_LOST

    async def register(self, service: str, instance: str, body: dict[str, object]) -> Answer:
        """Register or replace the instance."""
        async with self._writes:
            return await self._request("PUT", self._path(service, instance), body)

    async def renew(self, service: str, instance: str) -> Answer:
        """Renew the lease; `UNKNOWN` means that the registry has forgotten the instance."""
        return await self._request("PUT", f"{self._path(service, instance)}/renew", None)

    async def deregister(self, service: str, instance: str) -> Answer:
        """Take leave; `UNKNOWN` means that the registry had forgotten the instance already."""
        async with self._writes:
            return await self._request("DELETE", self._path(service, instance), None)

    def _path(self, service: str, instance: str) -> str:
        return f"{self._url}/services/{quote(service, safe='')}/{quote(instance, safe='')}"

    async def _request(self, method: str, url: str, body: dict[str, object] | None) -> Answer:
        if self._session is None:
            raise RuntimeError("the registry's session is not open")
        try:
            async with self._session.request(method, url, json=body, allow_redirects=False) as response:
                answer = await _answer(response)
        except (aiohttp.ClientError, TimeoutError, OSError):
            # Whatever it was, the remedy is the same: try again later. `_note` tells the person who watches.
            answer = Answer(Outcome.UNAVAILABLE)
        self._note(answer.outcome is not Outcome.UNAVAILABLE)
        return answer

    def _note(self, reached: bool) -> None:
        was_lost = self.lost
        self._failures = 0 if reached else self._failures + 1
        if self.lost != was_lost:
            self._on_reachable(reached)


async def _answer(response: aiohttp.ClientResponse) -> Answer:
    """Read the whole answer, so that its connection can serve again."""
    text = await response.text(errors="replace")
    if response.status < 300:
        return Answer(Outcome.ACCEPTED)
    if response.status == 404:
        return Answer(Outcome.UNKNOWN, detail=text[:MOST_DETAIL])
    if response.status >= 500 or response.status in _TRY_LATER:
        return Answer(Outcome.UNAVAILABLE, retry_after=_seconds(response.headers.get("Retry-After", "")))
    return Answer(Outcome.REFUSED, detail=f"{response.status} {text[:MOST_DETAIL]}")


def _seconds(retry_after: str) -> float:
    """The delay form of Retry-After; the form with a date is taken as not said."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
