"""From a host to an address that a probe may connect to."""

import asyncio
import ipaddress
import socket

from catalog.records.check import Check, split_address
from registry.checks.probes.guard import AddressInfo, Guard, Refused

Place = tuple[str, int]  # host and port


def target(check: Check, own: Place) -> Place:
    """Where the check points; the instance's own host and port when it names none."""
    return split_address(check.address) if check.address else own


def shown(place: Place) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(host: str) -> bool:
    """Whether `host` is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def lookup(place: Place, guard: Guard, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[AddressInfo]:
    """The addresses of a place that a probe may connect to, at least one. Raises OSError, of which Refused is one."""
    loop = asyncio.get_running_loop()
    found = [AddressInfo(*info) for info in await loop.getaddrinfo(*place, type=kind)]
    objections = {info: guard.objection(info.sockaddr[0]) for info in found}
    allowed = [info for info, objection in objections.items() if objection is None]
    if not allowed:
        reasons = sorted({objection for objection in objections.values() if objection})
        raise Refused(f"refused: {place[0]} resolves to nothing that may be probed ({'; '.join(reasons)})")
    return allowed
