"""The engine: asks the right probe, keeps its time, and turns whatever happens into an outcome."""

import os
import ssl
import time
from asyncio import timeout
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp
import dns.exception

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.checks.probes import dns as dns_probe
from registry.checks.probes import grpc as grpc_probe
from registry.checks.probes import http as http_probe
from registry.checks.probes import tcp as tcp_probe
from registry.checks.probes.addresses import Place
from registry.checks.probes.guard import Guard
from registry.checks.probes.outcome import Answer, Outcome, printable
from registry.checks.probes.tools import Tools, tools


class Kind(NamedTuple):
    """One type of check: how to ask, and how to say what was asked."""

    ask: Callable[[Tools, Check, Place], Awaitable[Answer]]
    subject: Callable[[Check, Place], str]


KINDS = {
    CheckType.HTTP: Kind(http_probe.ask, http_probe.subject),
    CheckType.TCP: Kind(tcp_probe.ask, tcp_probe.subject),
    CheckType.GRPC: Kind(grpc_probe.ask, grpc_probe.subject),
    CheckType.DNS: Kind(dns_probe.ask, dns_probe.subject),
}

# What a target, its name or its address can do to a probe. RuntimeError is how uvloop reports some failed connections;
# ValueError is a header or a URL that cannot be sent as it was registered.
FAILURES = (OSError, RuntimeError, ValueError, aiohttp.ClientError, dns.exception.DNSException)


class Engine:
    """Probes of one event loop: `async with Engine(guard) as engine: await engine.probe(check, (host, port))`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def __aenter__(self) -> Self:
        self._tools = tools(self._guard)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tools.session.close()

    async def probe(self, check: Check, own: Place) -> Outcome:
        """One probe of a check of the instance at `own`; never longer than the check's timeout, never raises for a
        target's sake."""
        kind = KINDS[check.type]
        began = time.perf_counter()
        answer = await self._answer(kind, check, own)
        output = printable(f"{kind.subject(check, own)}: {answer.text}")
        return Outcome(answer.status, output, round(time.perf_counter() - began, 6))

    async def _answer(self, kind: Kind, check: Check, own: Place) -> Answer:
        try:
            async with timeout(check.timeout):
                return await kind.ask(self._tools, check, own)
        except (TimeoutError, dns.exception.Timeout):
            return Answer(Status.CRITICAL, f"no answer within {check.timeout:g}s")
        except FAILURES as error:
            return Answer(Status.CRITICAL, _explanation(error))


def _explanation(error: Exception) -> str:
    """A failure in a few words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "hung up without an answer"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and (error.errno or 0) > 0:
        return os.strerror(error.errno or 0)  # the loops word it differently, and less clearly
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
