"""The open door of a region without tokens: for the programs of its own machine, not for pages in a browser there."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.http.request import split_domain_port, validate_host

from catalog.errors import Forbidden

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_REMEMBERED = 256  # ways to write an allowed host, each with its port


class Door:
    """Which `Host` headers belong here. `hosts` are written as Django's ALLOWED_HOSTS are.

    A page whose own name is made to lead to this machine is, to the browser, of the same site; its name is still in the
    `Host` header. `accepted` holds headers as they came, for a look on the way of a hot lookup.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self.accepted: set[bytes] = set()
        self._hosts = tuple(hosts)

    def check(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raises Forbidden when a request without a token comes by a foreign name, or from a foreign page to write.

        Without a `Host` it is no browser's.
        """
        host = origin = None
        for name, value in headers:
            if name == b"host":
                host = value
                self._check_host(value)
            elif name == b"origin":
                origin = value
        if host is not None and origin is not None:
            refuse_other_sites(method, origin.decode("latin-1"), host.decode("latin-1"))

    def _check_host(self, value: bytes) -> None:
        if value in self.accepted:
            return
        domain, _ = split_domain_port(value.decode("latin-1"))
        if not domain or not validate_host(domain, self._hosts):
            shown = value[:80].decode("latin-1")
            raise Forbidden(f"{shown!r} is not a host of this region: present a token, or see MERIDIAN_ALLOWED_HOSTS")
        if len(self.accepted) < MOST_REMEMBERED:
            self.accepted.add(value)


def refuse_other_sites(method: str, origin: str, host: str) -> None:
    """Raises Forbidden when a page of some other site, which cannot hide where it comes from, wants to write."""
    if method not in SAFE and _site(origin) != host:
        raise Forbidden(f"a page of {origin[:80]} may not write here: sign in, or present a token")


def _site(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # `http://[`: no site at all
        return None
