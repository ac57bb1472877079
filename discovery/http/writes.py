"""A write: a request becomes a verb, and its outcome an answer once this process's own lookups show it."""

from functools import lru_cache, partial
from typing import Any

import msgspec

from catalog.errors import CatalogError, Forbidden, Invalid, NotFound, Unauthenticated
from catalog.records import names
from catalog.records.check import CheckType
from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from catalog.records.registration import LARGEST_BODY, complaint, decode
from discovery.access import actor, shown_in, vouched
from discovery.http import parameters, reads, shapes
from discovery.plane import Plane
from discovery.web import forwarding, problems
from discovery.web.fast_writes import Answer, Reply
from registry import actions
from registry.access import Grant
from registry.asgi import Receive, Scope, Send, client_address, read_body, reply, reply_json

JSON = (b"content-type", b"application/json")
WAY = "http"  # how the log names this dialect
MOST_IN_BULK = 1_000
LARGEST_BULK = 8 * 2**20
LARGEST_REPORT = 16 * 1024
MOMENT = 0.05  # seconds: a registration at another server of the region is here by then

_report_decoder = msgspec.json.Decoder(shapes.CheckReport)
_bulk_decoder = msgspec.json.Decoder(shapes.Bulk)
_entry_decoder = msgspec.json.Decoder(shapes.BulkEntry)


async def register(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
    """`PUT /services/{service}/{id}`: 201 when there was none of that id, 200 when it is replaced."""
    region, namespace, service, id = _target(scope)
    actor = _actor(plane, scope, service)
    if await left(plane, scope, receive, send, region=region, actor=actor, most=LARGEST_BODY):
        return
    registration = decode(await read_body(scope, receive, most=LARGEST_BODY))
    written = await actions.register.aio(
        registration, namespace=namespace, service=service, id=id, actor=actor, cause="registered over HTTP"
    )
    answer = _registered(plane, written)
    await plane.caught_up(answer.shown)
    await reply(send, answer.status, answer.body, headers=answer.headers)


def register_promptly(plane: Plane, scope: Scope, body: bytes, reply: Reply) -> bool:
    """The same for a connection that waits for nobody; see `discovery.prompt`."""
    _, namespace, service, id = _target(scope)
    actor = _actor(plane, scope, service)
    registration = decode(body)
    reply.then = partial(_registered, plane)
    actions.register.soon(
        reply, registration, namespace=namespace, service=service, id=id, actor=actor, cause="registered over HTTP"
    )
    return True


def _registered(plane: Plane, written: actions.Registered) -> Answer:
    instance = written.instance
    location = f"/services/{instance.service}/{instance.id}"
    if instance.namespace != DEFAULT_NAMESPACE:
        location += f"?namespace={instance.namespace}"
    headers = [*_stamp(plane, written.index), (b"location", location.encode()), JSON]
    body = msgspec.json.encode(shapes.registered(instance))
    return Answer(201 if written.created else 200, headers, body, written.index)


async def deregister(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
    """`DELETE /services/{service}/{id}`: 204, or 404 when there is none."""
    region, namespace, service, id = _target(scope)
    actor = _actor(plane, scope, service)
    if await left(plane, scope, receive, send, region=region, actor=actor, most=0):
        return
    index = await actions.deregister.aio(
        namespace=namespace, service=service, id=id, actor=actor, cause="deregistered over HTTP"
    )
    await plane.caught_up(index)
    await reply(send, 204, headers=_stamp(plane, index))


async def report(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
    """`PUT /services/{service}/{id}/checks/{check}`: 204; only `ttl` checks are reported, the others are probed."""
    region, namespace, service, id = _target(scope)
    name = str(scope["path_params"]["check"])
    actor = _actor(plane, scope, service)
    if await left(plane, scope, receive, send, region=region, actor=actor, most=LARGEST_REPORT):
        return
    given = _report(await read_body(scope, receive, most=LARGEST_REPORT))
    instance = await known_instance(plane, namespace, service, id)
    check = next((check for check in instance.checks if check.name == name), None)
    if check is None:
        raise NotFound(f"{service}/{id} has no check named {name[:80]!r}")
    if check.type is not CheckType.TTL:
        raise Invalid(f"{name!r} is probed ({check.type}); only ttl checks are reported", field="check")
    # Before the verdict: a report counts from now on even if it says nothing new.
    await plane.renewals.report(instance, name)
    said = actions.Report(
        namespace=namespace, service=service, id=id, check=name, status=given.status, output=given.output,
        epoch=instance.epoch,
    )  # fmt: skip
    [written] = await actions.report_checks.aio([said], actor=actor, cause="reported over HTTP")
    if isinstance(written, CatalogError):
        raise written
    if written is not None:
        await plane.caught_up(written)
    await reply(send, 204)


async def register_many(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /services/bulk`: always 200 with one result for each entry, in order; an entry fails alone."""
    region = parameters.region(parameters.parsed(scope["query_string"], ("region",)))
    grant = vouched(scope) or plane.access.grant(shown_in(scope["headers"]))
    body = await read_body(scope, receive, most=LARGEST_BULK)
    try:
        raws = _bulk_decoder.decode(body).services
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise complaint(error) from None
    if not 1 <= len(raws) <= MOST_IN_BULK:
        raise Invalid(f"{len(raws)} entries: send 1 to {MOST_IN_BULK}", field="services")
    entries = [_entry(plane, scope, raw) for raw in raws]
    if forwarding.is_elsewhere(scope, region, local=plane.region):
        await _register_elsewhere(plane, scope, send, region, named(scope, grant), body, entries)
        return
    items = [(e.namespace, e.service, e.id, e) for e in entries if isinstance(e, shapes.BulkEntry)]
    outcomes: list[Any] = []
    if items:
        actor = named(scope, grant)
        outcomes = await actions.register_many.aio(items, actor=actor, cause="registered in bulk over HTTP")
        indexes = [outcome.index for outcome in outcomes if isinstance(outcome, actions.Registered)]
        await plane.caught_up(max(indexes, default=0))
    await reply_json(send, 200, {"results": _results(raws, entries, outcomes)}, headers=_stamp(plane, plane.head))


async def _register_elsewhere(
    plane: Plane,
    scope: Scope,
    send: Send,
    region: str,
    actor: str,
    body: bytes,
    entries: list[shapes.BulkEntry | CatalogError],
) -> None:
    """Pass a bulk on whole. What may not be written here must not be written there: one such entry refuses it all."""
    reads.require_regions(plane.view, (region,), local=plane.region)
    for entry in entries:
        if isinstance(entry, Forbidden | Unauthenticated):
            raise entry
    await forwarding.pass_on(scope, send, region=region, actor=actor, body=body)


def _entry(plane: Plane, scope: Scope, raw: msgspec.Raw) -> shapes.BulkEntry | CatalogError:
    try:
        if len(bytes(raw)) > LARGEST_BODY:
            raise Invalid(f"the entry has {len(bytes(raw))} bytes: at most {LARGEST_BODY}")
        entry = _entry_decoder.decode(raw)
        plane.access.may_write(scope, names.label(entry.service, field="service"))
        names.label(entry.namespace, field="namespace")
        checked_id(entry.id)
        return entry
    except CatalogError as error:
        return error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return complaint(error)


def _results(
    raws: list[msgspec.Raw], entries: list[shapes.BulkEntry | CatalogError], outcomes: list[Any]
) -> list[dict[str, Any]]:
    remaining = iter(outcomes)
    results: list[dict[str, Any]] = []
    for raw, entry in zip(raws, entries, strict=True):
        outcome = entry if isinstance(entry, CatalogError) else next(remaining)
        name = {"service": entry.service, "id": entry.id} if isinstance(entry, shapes.BulkEntry) else _named(raw)
        if isinstance(outcome, CatalogError):
            problem = problems.problem(outcome)
            results.append({**name, "status": problem.status, "problem": problem})
        else:
            results.append({**name, "status": 201 if outcome.created else 200})
    return results


def _named(raw: msgspec.Raw) -> dict[str, Any]:
    """What a bad entry calls itself, as far as it can be read."""
    try:
        given = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        given = {}
    return {name: given.get(name) if isinstance(given, dict) else None for name in ("service", "id")}


def _report(body: bytes) -> shapes.CheckReport:
    try:
        return _report_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise complaint(error) from None


async def known_instance(plane: Plane, namespace: str, service: str, id: str) -> Instance:
    """The instance as the view has it. Raises NotFound, but not before the view has had a moment to hear of it."""
    found = find(plane, namespace, service, id)
    if found is None:
        await plane.following.reached(plane.head + 1, timeout=MOMENT)
        found = find(plane, namespace, service, id)
    if found is None:
        raise NotFound(f"{service}/{id} is not registered here: register it again")
    return found


def find(plane: Plane, namespace: str, service: str, id: str) -> Instance | None:
    """The instance in this process's view."""
    instances = plane.view.region(plane.region).services.get((namespace, service))
    return instances.get(id) if instances else None


async def left(plane: Plane, scope: Scope, receive: Receive, send: Send, *, region: str, actor: str, most: int) -> bool:
    """Whether the write was for another region, which has answered it. Raises NotFound or Unavailable."""
    if not forwarding.is_elsewhere(scope, region, local=plane.region):
        return False
    reads.require_regions(plane.view, (region,), local=plane.region)
    body = await read_body(scope, receive, most=most)
    await forwarding.pass_on(scope, send, region=region, actor=actor, body=body)
    return True


def _target(scope: Scope) -> tuple[str, str, str, str]:
    path = scope["path_params"]
    # An instance may be called `watch` or `explain`, whose paths have a place of their own in the table of routes.
    id = path["id"] if "id" in path else scope["path"].rpartition("/")[2]
    return *_place(scope["query_string"]), folded(path["service"]), checked_id(id)


@lru_cache(maxsize=256)
def _place(query_string: bytes) -> tuple[str, str]:
    """Which region and namespace a write is for."""
    given = parameters.parsed(query_string, parameters.WRITE)
    return parameters.region(given), parameters.namespace(given)


@lru_cache(maxsize=4096)
def folded(service: str) -> str:
    """A service's name from a path."""
    return names.label(service, field="service")


def checked_id(text: str) -> str:
    """An instance's id as somebody wrote it."""
    return names.instance_id(text, field="id")


def _actor(plane: Plane, scope: Scope, service: str) -> str:
    return named(scope, plane.access.may_write(scope, service))


def named(scope: Scope, grant: Grant) -> str:
    """Who writes, for the log."""
    return actor(scope, grant, client_address(scope), WAY)


def _stamp(plane: Plane, index: int) -> list[tuple[bytes, bytes]]:
    return [(b"meridian-region", plane.region.encode()), (b"meridian-index", b"%d" % index)]
