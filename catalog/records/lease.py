"""A lease: an instance's promise to renew within `ttl` seconds.

Deadlines are written on the *observed clock*: wall time less all the time in which the registry was blind (restarted,
its lease store lost, its workers stalled). A registry that saw nothing must not conclude that there were no renewals.
"""

import msgspec

LEAST_TTL, MOST_TTL = 1.0, 86_400.0


class Lease(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The terms of a lease; `ttl` in seconds."""

    ttl: float


class Clock(msgspec.Struct, frozen=True):
    """The observed clock: when the leases were last looked at, and how long the registry has been blind in all."""

    looked_at: float
    blind: float = 0.0

    def observed(self, now: float) -> float:
        """Wall time `now` on the observed clock."""
        return now - self.blind


def look(clock: Clock | None, now: float, *, patience: float) -> Clock:
    """The clock after looking at the leases at `now`.

    A gap of up to `patience` seconds since the last look is ordinary; what goes beyond it is blind time. A clock that
    jumped backwards counts as blind for the jump, so that deadlines keep their distance.
    """
    if clock is None:
        return Clock(now)
    gap = now - clock.looked_at
    unseen = gap if gap < 0 else max(0.0, gap - patience)
    return Clock(now, clock.blind + unseen)


def deadline(lease: Lease, clock: Clock, now: float) -> float:
    """When a lease renewed at `now` expires, on the observed clock."""
    return clock.observed(now) + lease.ttl


def has_expired(deadline_at: float, clock: Clock, now: float) -> bool:
    """Whether a deadline on the observed clock has passed."""
    return clock.observed(now) >= deadline_at
