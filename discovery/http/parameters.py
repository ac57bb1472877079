"""The parameters of a query string, as a table; a misspelt one is an error."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from catalog.errors import Invalid
from catalog.query_types import ALL, NEAREST, Query
from catalog.records import names
from catalog.records.duration import seconds
from catalog.records.filter import compiled
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.status import Status
from discovery.web.blocking import DEFAULT_WAIT, LONGEST_WAIT, Waiting
from discovery.web.consistency import Consistency

MOST_PARAMETERS = 100
LARGEST_LIMIT = 100_000
LARGEST_INDEX = 2**63 - 1
MOST_REGIONS = 64
PLAIN = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
TRUTH = {"": True, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

Given = dict[str, list[str]]


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """A lookup as its parameters have it."""

    query: Query
    waiting: Waiting | None
    consistency: Consistency


def parsed(query_string: bytes, known: Iterable[str]) -> Given:
    """The parameters by name. Raises Invalid for one that is not `known`, naming it."""
    if not query_string:
        return {}
    try:
        pairs = parse_qsl(
            query_string.decode("ascii", "surrogateescape"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS,
            errors="strict",
        )  # fmt: skip
    except UnicodeDecodeError:
        raise Invalid("is not UTF-8", field="query") from None
    except ValueError:
        raise Invalid(f"has more than {MOST_PARAMETERS} parameters", field="query") from None
    words = frozenset(known)
    given: Given = {}
    for name, value in pairs:
        if name not in words:
            raise Invalid(f"{name[:40]!r} is no parameter here: there are {', '.join(sorted(words))}", field=name[:80])
        given.setdefault(name, []).append(value)
    return given


def once(given: Given, name: str) -> str:
    """The one value of a parameter, empty when it was not given. Raises Invalid when it was given twice."""
    values = given.get(name, [""])
    if len(values) > 1:
        raise Invalid("was given more than once", field=name)
    return values[0]


def _whole(text: str, field: str, *, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:20]) <= most:
        raise Invalid(f"{text[:40]!r} is not a whole number from {least} to {most}", field=field)
    return int(text)


def _statuses(values: list[str]) -> frozenset[Status]:
    words = {word.strip().lower() for value in values for word in value.split(",") if word.strip()}
    if words == {"any"}:
        return frozenset(Status)
    unknown = words - set(Status)
    if unknown or not words:
        choices = ", ".join(Status)
        raise Invalid(f"{', '.join(sorted(unknown))[:80]!r} is no status: use any, or of {choices}", field="status")
    return frozenset(map(Status, words))


def _tags(values: list[str]) -> tuple[str, ...]:
    return tuple(sorted(names.tags(tuple(values), field="tag")))


# Each parameter of a lookup that becomes a field of the query: the field, and how to read its values.
READERS: dict[str, tuple[str, Callable[[list[str]], Any]]] = {
    "tag": ("tags", _tags),
    "status": ("statuses", _statuses),
}
SINGLE_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "zone": ("zone", lambda text: names.word(text, field="zone")),
    "version": ("version", lambda text: names.word(text, field="version")),
    "port": ("port", lambda text: names.label(text, field="port")),
    "namespace": ("namespace", lambda text: names.label(text, field="namespace")),
    "limit": ("limit", lambda text: _whole(text, "limit", least=1, most=LARGEST_LIMIT)),
    "filter": ("filter", compiled),
}
WAITING = ("index", "wait")
CONSISTENCY = ("max_lag", "consistent")
LOOKUP = (*READERS, *SINGLE_READERS, "region", *CONSISTENCY, *WAITING)
INSTANCE = ("namespace", "region", *CONSISTENCY, *WAITING)
WATCH = (*READERS, *SINGLE_READERS, "region", "max_lag", *WAITING)
WRITE = ("namespace", "region")
LISTING = ("namespace", "region", *WAITING)


def lookup(query_string: bytes, *, region: str, service: str, client: str, known: Iterable[str] = LOOKUP) -> Lookup:
    """A lookup of `service`. `client` names who asks, and counts only together with a limit. Raises Invalid."""
    given = parsed(query_string, known)
    fields: dict[str, Any] = {}
    for name, (field, read) in READERS.items():
        if name in given:
            fields[field] = read(given[name])
    for name, (field, read_one) in SINGLE_READERS.items():
        if once(given, name):
            fields[field] = read_one(once(given, name))
    if "limit" in fields:
        fields["seed"] = client
    name = names.label(service, field="service")
    query = Query(region=region, regions=regions(given), service=name, **fields)
    demanded = consistency(given)
    if demanded.consistent and waiting(given) is not None:
        raise Invalid(
            "what is asked of the region itself cannot wait here: ask without `index` and `wait`", field="wait"
        )
    return Lookup(query=query, waiting=waiting(given), consistency=demanded)


def regions(given: Given) -> tuple[str, ...]:
    """The regions that were asked for: none, names, or one of the words for many. Raises Invalid."""
    text = once(given, "region").lower()
    said = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    if said in ((ALL,), (NEAREST,)):
        return said
    if ALL in said or NEAREST in said:
        raise Invalid(f"{ALL!r} and {NEAREST!r} stand alone", field="region")
    if len(said) > MOST_REGIONS:
        raise Invalid(f"names {len(said)} regions: at most {MOST_REGIONS}", field="region")
    return tuple(names.label(part, field="region") for part in said)


def region(given: Given) -> str:
    """The one region that a write is for, empty when it is this one by default. Raises Invalid."""
    said = regions(given)
    if len(said) > 1 or said in ((ALL,), (NEAREST,)):
        raise Invalid("a write is for one region: name it", field="region")
    return said[0] if said else ""


def consistency(given: Given) -> Consistency:
    """What `max_lag` and `consistent` demand. Raises Invalid."""
    text, word = once(given, "max_lag"), once(given, "consistent").lower()
    if word not in TRUTH:
        raise Invalid(f"{word[:20]!r} is neither true nor false", field="consistent")
    consistent = "consistent" in given and TRUTH[word]
    if text and consistent:
        raise Invalid("what is consistent has no lag: give one of the two", field="max_lag")
    return Consistency(max_lag=seconds(_bare(text), field="max_lag") if text else None, consistent=consistent)


def waiting(given: Given) -> Waiting | None:
    """What `index` and `wait` ask for; None when the answer is wanted at once. Raises Invalid."""
    index, wait = once(given, "index"), once(given, "wait")
    if not index and not wait:
        return None
    return Waiting(
        index=_whole(index, "index", least=0, most=LARGEST_INDEX) if index else None,
        seconds=seconds(_bare(wait), field="wait", most=LONGEST_WAIT) if wait else DEFAULT_WAIT,
    )


def _bare(text: str) -> str | float:
    """A plain number counts as seconds."""
    return float(text) if len(text) < 10 and PLAIN.fullmatch(text) else text


def namespace(given: Given) -> str:
    """The namespace that was asked for."""
    text = once(given, "namespace")
    return names.label(text, field="namespace") if text else DEFAULT_NAMESPACE
