"""The JSON of the native dialect: what goes out, and the bodies that come in besides registrations."""

import msgspec

from catalog.errors import NotFound
from catalog.query import Answer, Decision, Part
from catalog.records.instance import Instance
from catalog.records.override import Override
from catalog.records.registration import Registration
from catalog.records.status import Status
from catalog.view import State
from discovery.answers.cache import Rendered
from discovery.answers.headers import freshness_text
from discovery.web.problems import CONTENT_TYPE, problem
from registry.timestamps import iso


class Served(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One instance of a lookup. `status` and `weight` are those after overrides, `port` the one asked for.

    `freshness` is there when the instance is of another region that is not live.
    """

    id: str
    service: str
    host: str
    port: int
    ports: dict[str, int]
    status: Status
    zone: str
    version: str
    tags: tuple[str, ...]
    metadata: dict[str, str]
    weight: int
    namespace: str
    region: str
    freshness: str = ""


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """The override that counted, in an explanation."""

    id: str
    scope: str
    reason: str
    author: str
    expires_at: str | None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on one instance. `rank` is its place among the returned, from 1."""

    id: str
    host: str
    port: int
    returned: bool
    reason: str
    explanation: str
    status: Status
    reported_status: Status
    weight: int
    zone: str
    rank: int | None
    override: Ruling | None
    region: str
    step: str


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """One region's part in an answer. `used` says whether it was looked in, `step` why or why not."""

    region: str
    used: bool
    known: bool
    index: int
    freshness: str
    step: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a lookup returns what it returns."""

    service: str
    namespace: str
    region: str
    returned: int
    regions: list[Region]
    instances: list[Explained]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One service of the list: how many instances, by status, and which tags and versions they have."""

    name: str
    namespace: str
    instances: int
    statuses: dict[Status, int]
    tags: list[str]
    versions: list[str]


class CheckReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a check's report."""

    status: Status
    output: str = ""


class BulkEntry(Registration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of many registrations: the body of a single one, and where it would have been put."""

    service: str
    id: str
    namespace: str = "default"


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /services/bulk`; each entry is read for itself, so that a bad one fails alone."""

    services: list[msgspec.Raw]


def lookup(found: Answer) -> list[Served]:
    """The instances of an answer, those of another region that is not live with its freshness."""
    home = found.query.region
    said = {
        part.region: freshness_text(part.freshness)
        for part in found.parts
        if part.region != home and part.freshness.state is not State.LIVE
    }
    return [served(decision, said.get(decision.region, "")) for decision in found.decisions]


def served(decision: Decision, freshness: str = "") -> Served:
    """A decision as a lookup shows it."""
    instance = decision.instance
    return Served(
        id=instance.id,
        service=instance.service,
        host=instance.host,
        port=decision.port,
        ports=instance.ports,
        status=decision.status,
        zone=instance.zone,
        version=instance.version,
        tags=instance.tags,
        metadata=instance.metadata,
        weight=decision.weight,
        namespace=instance.namespace,
        region=decision.region,
        freshness=freshness,
    )


def registered(instance: Instance) -> Served:
    """A record as it was just written, before any override."""
    fields = {name: getattr(instance, name) for name in Served.__struct_fields__ if name != "freshness"}
    return Served(**fields)


def explained(decision: Decision) -> Explained:
    """A decision with its reasons."""
    instance, override = decision.instance, decision.override
    return Explained(
        id=instance.id,
        host=instance.host,
        port=decision.port,
        returned=decision.returned,
        reason=decision.reason,
        explanation=decision.explanation,
        status=decision.status,
        reported_status=instance.status,
        weight=decision.weight,
        zone=instance.zone,
        rank=decision.rank,
        override=_ruling(override) if override else None,
        region=decision.region,
        step=decision.step,
    )


def part(part: Part) -> Region:
    """A region's part in an answer."""
    return Region(
        region=part.region,
        used=part.used,
        known=part.known,
        index=part.index,
        freshness=freshness_text(part.freshness),
        step=part.step,
    )


def _ruling(override: Override) -> Ruling:
    return Ruling(
        id=override.id,
        scope=override.scope,
        reason=override.reason,
        author=override.author,
        expires_at=iso(override.expires_at),
    )


def rendered(answer: Answer, body: object, id: str = "") -> Rendered:
    """An answer whose JSON is `body`; a problem when nothing of the name (and the id) is registered."""
    query = answer.query
    if answer.known:
        content, status, content_type = msgspec.json.encode(body), 200, b"application/json"
    else:
        content, status, content_type = _unknown(query.namespace, query.service, id), 404, CONTENT_TYPE.encode()
    used = answer.used
    alone = used[0].region if len(used) == 1 else query.region
    # When the region that was asked has answered alone, the plain headers say it all.
    plain = len(answer.parts) == 1 and query.regions in ((), (alone,))
    return Rendered(
        body=content,
        region=alone,
        parts=() if plain else answer.parts,
        index=answer.index,
        freshness=answer.freshness,
        depends=answer.depends,
        status=status,
        content_type=content_type,
        valid_until=answer.valid_until,
    )


def _unknown(namespace: str, service: str, id: str) -> bytes:
    place = "" if namespace == "default" else f" in the namespace {namespace!r}"
    what = f"{service}/{id} is not" if id else f"no instance of {service!r} is"
    return msgspec.json.encode(problem(NotFound(f"{what} registered{place}")))
