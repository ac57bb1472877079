"""Reading the status of the mirrored regions: from Valkey, or from the tables without it.

Followers publish to Valkey twice a second, and save what must last in the tables every ten seconds. While they cannot
reach Valkey they save more often than a region goes stale. So losing Valkey makes no region stale that is in contact.
"""

import asyncio
import time

from msgspec.structs import replace

from catalog.errors import Unavailable
from federation.models import MirrorState, Peer
from federation.tables.peer import State
from federation.waits import VALKEY_WITHIN
from registry import freshness
from registry.breaker.holds import mirrors_held, reason_of
from registry.database import in_thread
from registry.freshness import MirrorStatus
from registry.valkey import reaching


class StatusReader:
    """Remembers what only Valkey says, such as the delay to a region and the way that its log comes."""

    def __init__(self) -> None:
        self._last: dict[str, MirrorStatus] = {}

    async def read(self) -> dict[str, MirrorStatus]:
        """The status of every mirrored region. Raises Unavailable without Valkey and database."""
        try:
            with reaching(freshness.PART):
                async with asyncio.timeout(VALKEY_WITHIN):
                    found = await freshness.read()
        except Unavailable:
            found = await self._from_tables()
        self._last |= found
        return found

    async def _from_tables(self) -> dict[str, MirrorStatus]:
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


def _joined(last: MirrorStatus | None, state: MirrorState, held: str, *, revoked: bool) -> MirrorStatus:
    """What was read last, with what the tables know since."""
    known = last or MirrorStatus(region=state.region, last_contact=state.heard_at, verified_at=state.verified_at)
    if state.heard_at is not None and state.heard_at > (known.last_contact or 0.0):
        known = replace(known, last_contact=state.heard_at, verified_at=state.verified_at, reason="")
    return replace(known, held=held, revoked=revoked)
