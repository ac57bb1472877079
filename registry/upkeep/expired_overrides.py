"""Expired overrides leave the record. Lookups ignore them from the moment they expire, whether or not this has run."""

from collections.abc import Sequence

from django.conf import settings

from catalog.records.override import Override
from registry import actions
from registry.models import OverrideRow

ACTOR = "worker:overrides"


def clear_expired_overrides(now: float) -> Sequence[Override]:
    """Clear what has expired by `now`; returns it."""
    # A verb takes the region's lock even for nothing, so ask first.
    if not OverrideRow.objects.filter(region=settings.MERIDIAN.region, expires_at__lte=now).exists():
        return ()
    return actions.expire_overrides(actor=ACTOR, cause="its time is over")
