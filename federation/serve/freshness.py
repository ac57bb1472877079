"""What is heard of the mirrored regions, for whoever answers for them: from Valkey, or from the tables without it.

Followers tell Valkey twice a second, and the tables every ten seconds for what must last. When they cannot reach Valkey
they tell the tables more often than a region goes stale. So losing Valkey makes no region stale that is heard.
"""

import asyncio
import time

from catalog.errors import Unavailable
from federation.models import MirrorState, Peer
from federation.tables.peer import State
from registry import freshness
from registry.breaker.holds import mirrors_held, reason_of
from registry.database import in_thread
from registry.freshness import Heard
from registry.valkey import reaching

WITHIN = 0.5  # seconds for Valkey to answer; a hanging one must not let regions look stale


class Words:
    """Remembers what only Valkey says, such as the delay to a region and the way that its log comes."""

    def __init__(self) -> None:
        self._last: dict[str, Heard] = {}

    async def read(self) -> dict[str, Heard]:
        """What is heard of every mirrored region. Raises Unavailable when nobody can be asked."""
        try:
            with reaching(freshness.PART):
                async with asyncio.timeout(WITHIN):
                    found = await freshness.read()
        except Unavailable:
            found = await self._from_tables()
        self._last |= found
        return found

    async def _from_tables(self) -> dict[str, Heard]:
        states, revoked, holds = await in_thread(
            _kept, complaint="neither Valkey nor the tables tell the status of mirrors"
        )
        return {
            state.region: _joined(
                self._last.get(state.region), state, holds.get(state.region, ""), revoked=state.region in revoked
            )
            for state in states
        }


def _kept() -> tuple[list[MirrorState], set[str], dict[str, str]]:
    revoked = Peer.objects.filter(state=State.REVOKED).values_list("region", flat=True)
    holds = {region: reason_of(row) for region, row in mirrors_held(time.time()).items()}
    return list(MirrorState.objects.all()), set(revoked), holds


def _joined(last: Heard | None, state: MirrorState, held: str, *, revoked: bool) -> Heard:
    """What was heard last, with what the tables know since."""
    known = last or Heard(region=state.region, heard_at=state.heard_at, verified_at=state.verified_at)
    if state.heard_at is not None and state.heard_at > (known.heard_at or 0.0):
        known = freshness.changed(known, heard_at=state.heard_at, verified_at=state.verified_at, reason="")
    return freshness.changed(known, held=held, revoked=revoked)
