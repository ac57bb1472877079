"""The guard: which addresses a probe may connect to.

A client that may register an instance chooses where the workers connect. Without a guard that is a way to read the
credentials that a cloud hands to its machines, and to reach whatever trusts a neighbour on the link.

The guard judges the address that a socket is about to connect to, not the name that led there. A name that resolves
to something harmless when it is looked at and to something else when it is used (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

# What no setting opens. The first that holds the address gives the reason, so the narrow ones stand first.
REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), reason)
    for network, reason in (
        ("169.254.169.254/32", "a cloud metadata address"),
        ("169.254.170.2/32", "a cloud metadata address"),  # container credentials of AWS ECS
        ("100.100.100.200/32", "a cloud metadata address"),  # Alibaba Cloud
        ("168.63.129.16/32", "a cloud metadata address"),  # Azure's wire server
        ("192.0.0.192/32", "a cloud metadata address"),  # Oracle Cloud, classic
        ("fd00:ec2::254/128", "a cloud metadata address"),  # AWS over IPv6
        ("fd20:ce::254/128", "a cloud metadata address"),  # Google Cloud over IPv6
        ("fd00:c1::a9fe:a9fe/128", "a cloud metadata address"),  # Oracle Cloud over IPv6
        ("169.254.0.0/16", "a link-local address"),
        ("fe80::/10", "a link-local address"),
        ("224.0.0.0/4", "a multicast address"),
        ("ff00::/8", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("0.0.0.0/8", "an unspecified address"),  # Linux connects 0.0.0.0 to itself
        ("::/128", "an unspecified address"),
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: a translator connects to the IPv4 address in the last 32 bits
COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291 §2.5.5.1, deprecated but still routed by some
LOOPBACK6 = ipaddress.IPv6Address("::1")


class Refused(OSError):
    """The guard does not let a probe connect there; `str()` says why."""


class AddressInfo(NamedTuple):
    """One result of `getaddrinfo`: what is needed to make a socket and connect it."""

    family: int
    type: int
    proto: int
    canonname: str
    sockaddr: tuple[Any, ...]


class Guard:
    """The rules of one region. `networks` limits where probes may go; what is in REFUSED stays refused all the same."""

    def __init__(self, networks: Sequence[Network] = EVERYWHERE) -> None:
        self._networks = tuple(networks)

    def objection(self, host: str) -> str | None:
        """Why a probe may not connect to the address `host`, or None when it may. Raises ValueError for a name."""
        address = _plain(ipaddress.ip_address(host))
        for candidate in (address, *_embedded(address)):
            for network, reason in REFUSED:
                if candidate.version == network.version and candidate in network:
                    return f"{host} is {reason}"
        if not any(address.version == network.version and address in network for network in self._networks):
            return f"{host} is outside the networks that probes may reach"
        return None

    def require(self, host: str) -> None:
        """Raises Refused when a probe may not connect to the address `host`."""
        objection = self.objection(host)
        if objection is not None:
            raise Refused(f"refused: {objection}")

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for a result of `getaddrinfo`, if a probe may connect there; raises Refused.

        Every probe asks for its socket here, with the very address that it then connects to.
        """
        family, kind, proto, _, sockaddr = info
        self.require(sockaddr[0])
        return socket.socket(family, kind, proto)


def _plain(address: Address) -> Address:
    """The IPv4 address behind `::ffff:a.b.c.d`: the kernel connects to that one."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _embedded(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses to which a translator or a tunnel may lead what is sent to an IPv6 address."""
    if not isinstance(address, ipaddress.IPv6Address) or address == LOOPBACK6:
        return ()
    found = [address.sixtofour, *(address.teredo or ())]
    if address in NAT64 or address in COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return tuple(inner for inner in found if inner is not None)
