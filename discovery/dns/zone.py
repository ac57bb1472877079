"""The zone: what a DNS server was told about itself."""

import ipaddress
import socket
from dataclasses import dataclass

LEAST_PAYLOAD = 512  # what every resolver takes, RFC 1035 §4.2.1
PAYLOAD = 1232  # fits every path without fragments, DNS Flag Day 2020
LARGEST = 65_535  # a message's length has 16 bits over TCP, RFC 1035 §4.2.2

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Domains, all of them answered alike, and how. TTLs are whole seconds, `payload` bytes of one UDP message.

    `addresses` are those of `ns.<domain>`. `negative_ttl` is how long others may remember that there was nothing:
    short, because what does not exist now may be starting.
    """

    region: str
    domains: tuple[str, ...] = ("consul", "internal")
    ttl: int = 5
    negative_ttl: int = 1
    payload: int = PAYLOAD
    addresses: tuple[str, ...] = ()

    def split(self, labels: Labels) -> tuple[Labels, Labels] | None:
        """A name as what stands before one of the domains, and that domain; None outside all of them."""
        best: tuple[Labels, Labels] | None = None
        for domain in self.domains:
            suffix = tuple(domain.lower().rstrip(".").split("."))
            if labels[-len(suffix) :] == suffix and (best is None or len(suffix) > len(best[1])):
                best = labels[: -len(suffix)], suffix
        return best


def wire(labels: Labels) -> bytes:
    """A name as it travels, without compression."""
    encoded = (label.encode("latin-1") for label in labels)
    return b"".join(bytes([len(label)]) + label for label in encoded) + b"\0"


def own_addresses(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """What `ns.<domain>` should resolve to for a server bound to `hosts`: those, or, bound to all, the way out."""
    found = [_way_out(host) if ipaddress.ip_address(host).is_unspecified else host for host in hosts]
    return tuple(dict.fromkeys(address for address in found if address))


def _way_out(host: str) -> str:
    """This machine's address towards the network. Connecting a UDP socket sends nothing."""
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))
        except OSError:
            return ""  # no network of this family
        address: str = probe.getsockname()[0]
        return address
