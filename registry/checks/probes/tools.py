"""What the probes of one event loop share."""

from dataclasses import dataclass

import aiohttp

from registry.checks.probes.guard import Guard

USER_AGENT = "Meridian-Health-Check"


@dataclass(frozen=True, slots=True)
class Tools:
    """The guard, and the HTTP session whose sockets come from it."""

    guard: Guard
    session: aiohttp.ClientSession


def tools(guard: Guard) -> Tools:
    """Tools for the running event loop; close the session when done.

    Each probe makes its own connection: a target that no longer accepts any must not look well because of an old one.
    The environment's proxies are not used and cookies are not kept, so that each probe sees the target itself.
    """
    connector = aiohttp.TCPConnector(limit=0, force_close=True, socket_factory=guard.socket)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # Compressed bodies are not asked for and not unpacked: a small answer could become a very large one.
        headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the engine's timeout is the only one
    )
    return Tools(guard, session)
