"""An override as it is asked for, as it is answered, and its preview."""

from typing import Annotated, Self

from msgspec import Meta, Struct

from catalog.preview import Effect, Preview
from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from catalog.records.override import Override, Scope
from catalog.records.registration import Length
from catalog.records.status import Status
from registry import actions
from registry.api.shapes.fields import Moment, OverridingStatus, copied
from registry.timestamps import iso, read_expiry

MOST_EFFECTS = 200  # instances named in a preview; the counts are of all


class OverrideRequestShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An override as it is asked for: a scope, the names that scope needs, a status or a weight, and a reason."""

    scope: Scope
    namespace: str = DEFAULT_NAMESPACE
    service: str = ""
    instance: str = ""
    zone: str = ""
    tag: str = ""
    target: Annotated[str, Meta(description="another region; the override then counts here alone")] = ""
    status: OverridingStatus | None = None
    weight: Annotated[int | None, Meta(description="0 drains")] = None
    reason: str
    expires_at: Moment | None = None
    expires_in: Annotated[Length | None, Meta(description="such as `30m`, in place of `expires_at`")] = None

    def to_request(self, *, author: str, now: float) -> actions.OverrideRequest:
        """What the verb takes. Raises Invalid for an expiry that cannot be read."""
        moment = read_expiry({"expires_at": self.expires_at, "expires_in": self.expires_in}, now)
        return copied(actions.OverrideRequest, self, author=author, expires_at=moment, expires_in=None)


class OverrideShape(Struct, frozen=True, kw_only=True):
    """An operator's status or weight in place of the reported one."""

    id: str
    region: str
    scope: Scope
    namespace: str
    service: str
    instance: str
    zone: str
    tag: str
    target: Annotated[str, Meta(description="the region that it is about, when not its own; else empty")]
    status: OverridingStatus | None
    weight: int | None
    reason: str
    author: str
    created_at: Moment
    expires_at: Moment | None
    live: Annotated[bool, Meta(description="whether it counts now")]
    index: int

    @classmethod
    def of(cls, override: Override, *, index: int, now: float) -> Self:
        """A record, and whether it counts at `now`."""
        return copied(
            cls,
            override,
            created_at=iso(override.created_at),
            expires_at=iso(override.expires_at),
            live=override.is_live(now),
            index=index,
        )


class EffectShape(Struct, frozen=True, kw_only=True):
    """How one instance would change."""

    instance: str
    zone: str
    status_before: Status
    status_after: Status
    weight_before: int
    weight_after: int
    served_before: bool
    served_after: bool

    @classmethod
    def of(cls, effect: Effect) -> Self:
        """One effect of a preview."""
        return copied(
            cls,
            effect,
            instance=_name(effect.instance),
            zone=effect.instance.zone,
            status_before=effect.before.status,
            status_after=effect.after.status,
            weight_before=effect.before.weight,
            weight_after=effect.after.weight,
        )


class PreviewShape(Struct, frozen=True, kw_only=True):
    """The effects of an override. Lists name at most 200 instances; the counts are of all."""

    concerned: int
    taken_out: list[str]
    taken_out_count: int
    put_back: list[str]
    put_back_count: int
    emptied: Annotated[tuple[str, ...], Meta(description="services of which a lookup would return nothing")]
    stands_in: Annotated[tuple[str, ...], Meta(description="regions that would answer instead, by failover policy")]
    effects: list[EffectShape]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """The first effects of a preview."""
        return cls(
            concerned=len(preview.instances),
            taken_out=[_name(instance) for instance in preview.taken_out[:MOST_EFFECTS]],
            taken_out_count=len(preview.taken_out),
            put_back=[_name(instance) for instance in preview.put_back[:MOST_EFFECTS]],
            put_back_count=len(preview.put_back),
            emptied=preview.emptied_services,
            stands_in=preview.stand_ins,
            effects=[EffectShape.of(effect) for effect in preview.effects(MOST_EFFECTS)],
        )


def _name(instance: Instance) -> str:
    return f"{instance.namespace}/{instance.service}/{instance.id}"
