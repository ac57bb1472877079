"""Names: what a service, an instance, a zone, a tag may be called, and how big a record may be.

Service, namespace, region and port names are DNS labels (RFC 1035 §2.3.1 with the leading digit of RFC 1123 §2.1),
because every one of them can be part of a DNS question. DNS compares names without regard to case (RFC 4343), so
they are folded to lower case once, here.
"""

import ipaddress
import re
from functools import lru_cache

from catalog.errors import Invalid

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# With underscores, though no host name has them (RFC 952): containers of Compose are called `shop_web_1`.
_NAME_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOSTNAME = re.compile(rf"(?:{_NAME_LABEL}\.)*{_NAME_LABEL}\.?", re.ASCII)
DNS_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?", re.ASCII)
HOST_AND_PORT = re.compile(r"([^:]+|\[[^]]+\]):(\d+)", re.ASCII)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
PLAIN_IPV4 = re.compile(rf"(?:22[0-3]|2[01][0-9]|1[0-9][0-9]|[1-9][0-9]?)(?:\.{_OCTET}){{3}}", re.ASCII)
# Those of Nomad begin with `_`; those of Nacos hold `#` and `@@`, of others commas.
INSTANCE_ID = re.compile(r"[A-Za-z0-9_@#,~+:][A-Za-z0-9._:@#,~+-]{0,252}", re.ASCII)
WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62})", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# Consul's limits for metadata (64 pairs, 128 and 512 characters), so that what fits there fits here.
MOST_METADATA, LONGEST_KEY, LONGEST_VALUE = 64, 128, 512
MOST_TAGS, LONGEST_TAG = 64, 512
MOST_PORTS, MOST_CHECKS = 32, 16
LONGEST_REASON = 500
KNOWN = 4096  # good names that are remembered: the same few are said again and again
LARGEST_WEIGHT = 65_535  # the SRV weight field is 16 bits wide, RFC 2782


@lru_cache(maxsize=KNOWN)
def label(text: str, *, field: str) -> str:
    """`text` folded to a DNS label, or Invalid with the rule."""
    folded = text.lower()
    if not LABEL.fullmatch(folded):
        raise Invalid(
            f"{text[:80]!r} cannot be a DNS label: use 1 to 63 letters, digits and hyphens, "
            "with a letter or digit at both ends",
            field=field,
        )
    return folded


def instance_id(text: str, *, field: str = "id") -> str:
    """An instance's id: what may stand in one path segment of a URL, up to 253 characters, case kept."""
    if not INSTANCE_ID.fullmatch(text):
        raise Invalid(
            f"{text[:80]!r} cannot be an instance id: use 1 to 253 letters, digits and . _ : @ # , ~ + -, "
            "not beginning with . or -",
            field=field,
        )
    return text


@lru_cache(maxsize=KNOWN)
def word(text: str, *, field: str) -> str:
    """A zone or a version: one word of up to 63 characters, or empty."""
    if text and not WORD.fullmatch(text):
        raise Invalid(f"{text[:80]!r} must be one word of up to 63 letters, digits and . _ + -", field=field)
    return text


def host(text: str, *, field: str = "host") -> str:
    """An address that others can reach: an IPv4 or IPv6 literal, or a host name."""
    if PLAIN_IPV4.fullmatch(text):
        return text  # most hosts are: no need to take them apart
    folded = text.strip("[]").lower() if text.startswith("[") else text.lower()
    try:
        address = ipaddress.ip_address(folded)
    except ValueError:
        return _hostname(folded, text, field)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise Invalid(f"{text[:80]!r} has a zone id, which only one machine understands: leave it out", field=field)
        address = address.ipv4_mapped or address  # what dual-stack sockets of Java and Node.js report
    if address.is_unspecified or address.is_multicast:
        raise Invalid(f"{text!r} is not an address that a client can connect to", field=field)
    return address.compressed


def _hostname(folded: str, text: str, field: str) -> str:
    digits_only = folded.replace(".", "").isdigit()
    if not folded or len(folded) > 253 or digits_only or not HOSTNAME.fullmatch(folded):
        if "://" in text:
            raise Invalid(f"{text[:80]!r}: give the host without scheme, port and path", field=field)
        if HOST_AND_PORT.fullmatch(text):
            raise Invalid(f"{text[:80]!r}: give the host alone, and the port in its own field", field=field)
        raise Invalid(f"{text[:80]!r} is neither an IP address nor a host name", field=field)
    return folded.rstrip(".")


def dns_name(text: str, *, field: str) -> str:
    """A name that can be asked for: up to 253 characters in labels of up to 63 (RFC 1035 §2.3.4)."""
    if len(text.rstrip(".")) > 253 or not DNS_NAME.fullmatch(text):
        raise Invalid(f"{text[:80]!r} is not a name that can be looked up in DNS", field=field)
    return text


def port(number: int, *, field: str = "port") -> int:
    """A TCP or UDP port."""
    if not 1 <= number <= 65_535:
        raise Invalid(f"{number} is not a port: use 1 to 65535", field=field)
    return number


def weight(number: int, *, field: str = "weight", least: int = 1) -> int:
    """A share of traffic relative to the other instances. Only an override may say 0: drained."""
    if not least <= number <= LARGEST_WEIGHT:
        drain = "; to take an instance out of traffic, drain it by an override" if number == 0 else ""
        raise Invalid(f"{number} is not a weight: use {least} to {LARGEST_WEIGHT}{drain}", field=field)
    return number


def tags(given: tuple[str, ...], *, field: str = "tags") -> tuple[str, ...]:
    """Tags without repeats, in the order given."""
    if len(given) > MOST_TAGS:
        raise Invalid(f"{len(given)} tags are too many: at most {MOST_TAGS}", field=field)
    for number, tag in enumerate(given):
        _text(tag, longest=LONGEST_TAG, field=f"{field}[{number}]")
    return tuple(dict.fromkeys(given))


def metadata(given: dict[str, str], *, field: str = "metadata") -> dict[str, str]:
    """Metadata sorted by key, so that equal metadata has equal bytes."""
    if len(given) > MOST_METADATA:
        raise Invalid(f"{len(given)} pairs are too many: at most {MOST_METADATA}", field=field)
    for key, value in given.items():
        _text(key, longest=LONGEST_KEY, field=f"{field} key")
        if len(value) > LONGEST_VALUE:
            raise Invalid(f"the value has {len(value)} characters: at most {LONGEST_VALUE}", field=f"{field}.{key}")
    return dict(sorted(given.items()))


def ports(given: dict[str, int], *, field: str = "ports") -> dict[str, int]:
    """Named ports sorted by name. Names are DNS labels: SRV questions ask for `_name._port`."""
    if len(given) > MOST_PORTS:
        raise Invalid(f"{len(given)} ports are too many: at most {MOST_PORTS}", field=field)
    named = {
        label(name, field=f"{field} name"): port(number, field=f"{field}.{name}") for name, number in given.items()
    }
    return dict(sorted(named.items()))


def reason(text: str, *, field: str = "reason") -> str:
    """Why an operator did something, in their words. A NUL is no part of a text; PostgreSQL would refuse it."""
    if not text.strip() or len(text) > LONGEST_REASON or "\0" in text:
        raise Invalid(f"say why, in 1 to {LONGEST_REASON} characters, none of them NUL", field=field)
    return text


def _text(text: str, *, longest: int, field: str) -> None:
    if not text or len(text) > longest or CONTROL.search(text):
        raise Invalid(f"{text[:80]!r} must have 1 to {longest} characters and no control characters", field=field)
