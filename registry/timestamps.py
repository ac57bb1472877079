"""Moments as every API writes them: ISO 8601 in UTC, to the millisecond."""

from datetime import UTC, datetime
from typing import Any, overload

from catalog.errors import Invalid
from catalog.records.duration import seconds

# What can be written again in every time zone.
EARLIEST, LATEST = 0.0, datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@overload
def iso(moment: float) -> str: ...
@overload
def iso(moment: float | None) -> str | None: ...
def iso(moment: float | None) -> str | None:
    """Seconds since the epoch as text."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_moment(text: Any, *, field: str) -> float:
    """The seconds since the epoch of an ISO 8601 text with its offset. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None or not EARLIEST <= moment.timestamp() <= LATEST:
        raise Invalid(f"{str(text)[:40]!r} is not a time: write for example 2027-01-15T08:00:00Z", field=field)
    return moment.timestamp()


def read_past(text: str, now: float, *, field: str) -> float:
    """A moment, or how long ago: `2h`. Raises Invalid."""
    try:
        return now - seconds(text, field=field)
    except Invalid:
        return read_moment(text, field=field)


def read_expiry(given: dict[str, Any], now: float) -> float | None:
    """When something expires, by `expires_at` or `expires_in`; None when it does not. Raises Invalid."""
    at, within = given.get("expires_at"), given.get("expires_in")
    if at is not None and within is not None:
        raise Invalid("give expires_at or expires_in, not both", field="expires_in")
    if within is not None:
        if isinstance(within, bool) or not isinstance(within, str | int | float):
            raise Invalid("must be a duration such as '30m'", field="expires_in")
        return now + seconds(within, field="expires_in", least=1.0)
    return None if at is None else read_moment(at, field="expires_at")
