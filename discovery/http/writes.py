"""A write: a request becomes a verb, and its outcome an answer once this process's own lookups show it."""

from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

import msgspec

from catalog.errors import CatalogError, Forbidden, Invalid, NotFound, Unauthenticated
from catalog.records import names
from catalog.records.body import complaint, read
from catalog.records.check import CheckType
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.registration import LARGEST_BODY, decode
from discovery.http import parameters, shapes
from discovery.plane import Plane
from discovery.web import forwarding, problems
from discovery.web.access_log import log_failure
from discovery.web.fast_writes import FastWrite
from discovery.web.forwarding import written_elsewhere
from discovery.web.paths import instance_id, service_name
from discovery.web.replies import Reply
from discovery.web.request import Request
from registry import actions
from registry.asgi import Headers, Scope

JSON = (b"content-type", b"application/json")
MOST_IN_BULK = 1_000
LARGEST_BULK = 8 * 2**20
LARGEST_REPORT = 16 * 1024

_report_decoder = msgspec.json.Decoder(shapes.CheckReport)
_bulk_decoder = msgspec.json.Decoder(shapes.Bulk)
_entry_decoder = msgspec.json.Decoder(shapes.BulkEntry)


async def register(request: Request) -> None:
    """`PUT /services/{service}/{id}`: 201 when there was none of that id, 200 when it is replaced."""
    region, namespace, service, id = _target(request.scope)
    actor = request.writer(service)
    if await written_elsewhere(request, region=region, actor=actor, most=LARGEST_BODY):
        return
    registration = decode(await request.body(most=LARGEST_BODY))
    written = await actions.register.aio(
        registration, namespace=namespace, service=service, id=id, actor=actor, cause="registered over HTTP"
    )
    await request.reply(_registered(request.plane, written))


def register_fast(write: FastWrite, body: bytes) -> bool:
    """The same without a task."""
    _, namespace, service, id = _target(write.scope)
    actor = write.writer(service)
    registration = decode(body)
    write.to_reply = partial(_registered, write.plane)
    actions.register.soon(
        write, registration, namespace=namespace, service=service, id=id, actor=actor, cause="registered over HTTP"
    )
    return True


def _registered(plane: Plane, written: actions.Registered) -> Reply:
    instance = written.instance
    location = f"/services/{instance.service}/{quote(instance.id)}"
    if instance.namespace != DEFAULT_NAMESPACE:
        location += f"?namespace={instance.namespace}"
    headers = [*_stamp(plane, written.index), (b"location", location.encode()), JSON]
    body = msgspec.json.encode(shapes.registered(instance))
    return Reply(201 if written.created else 200, headers, body, written.index)


async def deregister(request: Request) -> None:
    """`DELETE /services/{service}/{id}`: 204, or 404 when there is none."""
    region, namespace, service, id = _target(request.scope)
    actor = request.writer(service)
    if await written_elsewhere(request, region=region, actor=actor, most=0):
        return
    index = await actions.deregister.aio(
        namespace=namespace, service=service, id=id, actor=actor, cause="deregistered over HTTP"
    )
    await request.reply(Reply(204, _stamp(request.plane, index), shown=index))


async def report(request: Request) -> None:
    """`PUT /services/{service}/{id}/checks/{check}`: 204; only `ttl` checks are reported, the others are probed."""
    region, namespace = place(request.query_string)
    service, id, name = service_name(request.path["service"]), instance_id(request.path["id"]), request.path["check"]
    actor = request.writer(service)
    if await written_elsewhere(request, region=region, actor=actor, most=LARGEST_REPORT):
        return
    given = read(await request.body(most=LARGEST_REPORT), _report_decoder)
    instance = await request.plane.instance(namespace, service, id)
    check = next((check for check in instance.checks if check.name == name), None)
    if check is None:
        raise NotFound(f"{service}/{id} has no check named {name[:80]!r}")
    if check.type is not CheckType.TTL:
        raise Invalid(f"{name!r} is probed ({check.type}); only ttl checks are reported", field="check")
    # Before the verdict: a report counts from now on even if it says nothing new.
    await request.plane.renewals.report(instance, name)
    said = actions.Report(
        namespace=namespace, service=service, id=id, check=name, status=given.status, output=given.output,
        epoch=instance.epoch,
    )  # fmt: skip
    [written] = await actions.report_checks.aio([said], actor=actor, cause="reported over HTTP")
    if isinstance(written, CatalogError):
        raise written
    await request.reply(Reply(204, [], shown=written or 0))


async def register_many(request: Request) -> None:
    """`POST /services/bulk`: always 200 with one result for each entry, in order; an entry fails alone."""
    region = parameters.region(parameters.parsed(request.query_string, ("region",)))
    actor = request.actor(request.grant())
    body = await request.body(most=LARGEST_BULK)
    try:
        raws = _bulk_decoder.decode(body).services
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise complaint(error, body) from None
    if not 1 <= len(raws) <= MOST_IN_BULK:
        raise Invalid(f"{len(raws)} entries: send 1 to {MOST_IN_BULK}", field="services")
    entries = [_entry(request, raw) for raw in raws]
    if forwarding.is_elsewhere(request.scope, region, local=request.plane.region):
        await _register_elsewhere(request, region, actor, body, entries)
        return
    items = [(e.namespace, e.service, e.id, e) for e in entries if isinstance(e, shapes.BulkEntry)]
    outcomes: list[Any] = []
    if items:
        outcomes = await actions.register_many.aio(items, actor=actor, cause="registered in bulk over HTTP")
        indexes = [outcome.index for outcome in outcomes if isinstance(outcome, actions.Registered)]
        await request.plane.caught_up(max(indexes, default=0))
    results = msgspec.json.encode({"results": _results(raws, entries, outcomes)})
    await request.reply(Reply(200, [JSON, *_stamp(request.plane, request.plane.head)], results))


async def _register_elsewhere(
    request: Request, region: str, actor: str, body: bytes, entries: list[shapes.BulkEntry | Exception]
) -> None:
    """Pass a bulk on whole. What may not be written here must not be written there: one such entry refuses it all."""
    request.plane.require_regions((region,))
    for entry in entries:
        if isinstance(entry, Forbidden | Unauthenticated):
            raise entry
    await forwarding.pass_on(request, region=region, actor=actor, body=body)


def _entry(request: Request, raw: msgspec.Raw) -> shapes.BulkEntry | Exception:
    try:
        if len(bytes(raw)) > LARGEST_BODY:
            raise Invalid(f"the entry has {len(bytes(raw))} bytes: at most {LARGEST_BODY}")
        entry = read(bytes(raw), _entry_decoder)
        request.may_write(names.label(entry.service, field="service"))
        names.label(entry.namespace, field="namespace")
        instance_id(entry.id)
        return entry
    except CatalogError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a defect that one entry meets must not take the others with it
        log_failure(request.scope, request.id, error)
        return error


def _results(
    raws: list[msgspec.Raw], entries: list[shapes.BulkEntry | Exception], outcomes: list[Any]
) -> list[dict[str, Any]]:
    remaining = iter(outcomes)
    results: list[dict[str, Any]] = []
    for raw, entry in zip(raws, entries, strict=True):
        outcome = entry if isinstance(entry, Exception) else next(remaining)
        name = {"service": entry.service, "id": entry.id} if isinstance(entry, shapes.BulkEntry) else _named(raw)
        if isinstance(outcome, Exception):
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


def _target(scope: Scope) -> tuple[str, str, str, str]:
    """Region, namespace, service and id of a write to `/services/{service}/{id}`."""
    _, _, service, id = scope["path"].split("/")
    return *place(scope["query_string"]), service_name(service), instance_id(id)


@lru_cache(maxsize=256)
def place(query_string: bytes) -> tuple[str, str]:
    """Which region and namespace a write is for."""
    given = parameters.parsed(query_string, parameters.WRITE)
    return parameters.region(given), parameters.namespace(given)


def _stamp(plane: Plane, index: int) -> Headers:
    return [(b"meridian-region", plane.region.encode()), (b"meridian-index", b"%d" % index)]
