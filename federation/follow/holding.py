"""What the breaker holds of a mirror, as it is written down, shown and decided."""

import structlog
from django.conf import settings

from catalog.errors import NotFound
from catalog.records import names
from federation.models import MirrorState

log = structlog.get_logger(__name__)


def hold(region: str, formula: str, *, now: float) -> float:
    """Write down what is held and return until when; what is held already stays as it was written."""
    state, _ = MirrorState.objects.get_or_create(region=region)
    if not state.held:
        until = now + settings.MERIDIAN.hold_expiry
        MirrorState.objects.filter(region=region).update(
            held=formula, held_at=now, held_until=until, approved_by="", approved_reason=""
        )
        log.warning("a mirror is held", region=region, why=formula)
        return until
    return float(state.held_until or now)


def standing() -> list[MirrorState]:
    """The mirrors of which something is held, those that happen soonest first."""
    return list(MirrorState.objects.exclude(held="").order_by("held_until", "region"))


def held(region: str) -> str:
    """What is held of a region; empty for nothing."""
    state = MirrorState.objects.filter(region=region).first()
    return state.held if state else ""


def is_decided(region: str, *, now: float) -> bool:
    """Whether a person has approved what is held, or its time is over."""
    state = MirrorState.objects.filter(region=region).first()
    return state is None or not state.held or bool(state.approved_by) or (state.held_until or 0.0) <= now


def release(region: str) -> None:
    """Nothing is held any more."""
    MirrorState.objects.filter(region=region).update(held="", held_at=None, held_until=None)


def approve(region: str, *, actor: str, reason: str) -> MirrorState:
    """Let what is held happen: the mirror becomes what its region says. Raises NotFound and Invalid."""
    names.reason(reason)
    changed = (
        MirrorState.objects.filter(region=region).exclude(held="").update(approved_by=actor, approved_reason=reason)
    )
    if not changed:
        raise NotFound(f"nothing of {region[:80]!r} is held")
    log.warning("a held mirror is approved", region=region, actor=actor, reason=reason)
    return MirrorState.objects.get(region=region)
