"""Correcting in another region: the same request that its REST API takes, passed on by this one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from asgiref.sync import async_to_sync

from catalog.errors import CatalogError, Forbidden, Invalid, NotFound, Refused, Unavailable
from registry import forwarding

MEANING: Mapping[int, type[CatalogError]] = {400: Invalid, 403: Forbidden, 404: NotFound, 409: Refused, 422: Invalid}


def ask(region: str, method: str, path: str, *, actor: str, cause: str, body: Any = None) -> Any:
    """What the region answers.

    Raises what it refuses with, in the catalog's words, and Unavailable when it cannot be reached.
    """
    sent = b"" if body is None else msgspec.json.encode(body)
    call = forwarding.Call(region=region, method=method, target=path, actor=actor, cause=cause, body=sent)
    reply = async_to_sync(forwarding.send)(call)
    try:
        answered = msgspec.json.decode(reply.body) if reply.body else None
    except msgspec.DecodeError:
        answered = None
    if reply.status >= 400:
        detail = answered.get("detail", "") if isinstance(answered, dict) else ""
        kind = MEANING.get(reply.status, Unavailable)
        raise kind(f"{region} answers: {detail or reply.status}")
    return answered


def instance_path(namespace: str, service: str, id: str) -> str:
    """Where the API has an instance."""
    return f"/api/v1/instances/{quote(service, safe='')}/{quote(id, safe='')}?{urlencode({'namespace': namespace})}"


def override_path(id: str = "") -> str:
    """Where the API has its overrides, or one of them."""
    return f"/api/v1/overrides/{quote(id, safe='')}" if id else "/api/v1/overrides"
