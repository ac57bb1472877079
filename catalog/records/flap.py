"""Flap damping: a check that keeps changing its mind is held critical until it calms down.

The method is route flap damping (RFC 2439): each transition adds a penalty, the penalty halves every `HALF_LIFE`,
above `SUPPRESS` the check is held, below `REUSE` it is free again. Transitions to critical are always let through,
so damping can only ever keep traffic away from an instance that flaps, never send traffic to a dead one.
"""

import math

import msgspec

PENALTY = 1000.0  # per transition, RFC 2439 §4.2's customary figure
SUPPRESS = 5000.0  # five transitions in quick succession
REUSE = 1500.0
HALF_LIFE = 60.0  # seconds; routers use 15 minutes, services recover faster than links
CEILING = 10_000.0  # so that nothing is held longer than about three half-lives after it calms


class Flap(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A check's restlessness: the score at a time, and whether it is held because of it."""

    score: float = 0.0
    at: float = 0.0
    suppressed: bool = False


def decayed(flap: Flap, now: float) -> float:
    """The score as it stands at `now`."""
    return flap.score * math.exp2(-max(0.0, now - flap.at) / HALF_LIFE)


def settle(flap: Flap, now: float, *, transition: bool) -> Flap:
    """The flap state at `now`, after a transition or a quiet outcome."""
    score = min(CEILING, decayed(flap, now) + (PENALTY if transition else 0.0))
    suppressed = score >= SUPPRESS or (flap.suppressed and score > REUSE)
    return Flap(score, now, suppressed)


def free_at(flap: Flap) -> float:
    """When a suppressed check is free again, if it stays calm."""
    if not flap.suppressed or flap.score <= REUSE:
        return flap.at
    return flap.at + HALF_LIFE * math.log2(flap.score / REUSE)
