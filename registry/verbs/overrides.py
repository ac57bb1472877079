"""Setting and clearing overrides."""

from uuid import uuid4

import msgspec

from catalog.errors import Invalid, NotFound, Refused
from catalog.records.duration import seconds
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.override import Override, Scope, override_key, validated
from catalog.records.status import Status
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.tables.change import ChangeRow

LONGEST_AUTHOR = 200


class OverrideRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An override as an operator asks for it; see `catalog.override.Override` for the meaning of the fields.

    It ends at `expires_at` (seconds since the epoch) or after `expires_in` (a duration), or stays. The author is the
    actor when it is not named.
    """

    scope: Scope
    reason: str
    namespace: str = DEFAULT_NAMESPACE
    service: str = ""
    instance: str = ""
    zone: str = ""
    tag: str = ""
    target: str = ""
    status: Status | None = None
    weight: int | None = None
    author: str = ""
    expires_at: float | None = None
    expires_in: str | int | float | None = None


@verb()
def set_override(unit: Unit, request: OverrideRequest, *, actor: str, cause: str, id: str = "") -> Override:
    """Set an override; returns it with its id. Raises Invalid naming the field.

    A caller that may ask twice gives an `id` of its own, as random as a UUID: what stands under it is returned as it
    is, and when it has ended meanwhile Refused is raised.
    """
    if id and (standing := unit.record(Override, override_key(id))) is not None:
        return standing
    if id and ChangeRow.objects.filter(region=unit.region, key=override_key(id)).exists():
        raise Refused("this override was set already, and has been cleared since")
    override = to_override(request, id=id or uuid4().hex, region=unit.region, author=unit.actor, now=unit.now)
    unit.put(override, verb="set_override")
    return override


@verb()
def clear_override(unit: Unit, id: str, *, actor: str, cause: str) -> int:
    """Clear an override; returns the change's index. Raises NotFound when there is none of this id."""
    override = unit.record(Override, override_key(id))
    if override is None:
        raise NotFound(f"there is no override {id!r}")
    return unit.remove(override, verb="clear_override")


@verb()
def expire_overrides(unit: Unit, *, actor: str, cause: str) -> list[Override]:
    """Clear the overrides whose time is over; returns them."""
    over = [override for override in unit.records(Override) if not override.is_live(unit.now)]
    for override in over:
        unit.remove(override, verb="expire_override")
    return over


def to_override(request: OverrideRequest, *, id: str, region: str, author: str, now: float) -> Override:
    """The override that is asked for; raises Invalid naming the field."""
    given = msgspec.structs.asdict(request) | {
        "author": (request.author or author)[:LONGEST_AUTHOR],
        "expires_at": _expiry(request, now),
    }
    del given["expires_in"]
    return validated(Override(id=id, region=region, created_at=now, **given))


def to_request(override: Override) -> OverrideRequest:
    """What asks for such an override."""
    return msgspec.convert(override, OverrideRequest, from_attributes=True)


def _expiry(request: OverrideRequest, now: float) -> float | None:
    if request.expires_in is None:
        return request.expires_at
    if request.expires_at is not None:
        raise Invalid("give expires_at or expires_in, not both", field="expires_in")
    return now + seconds(request.expires_in, field="expires_in")
