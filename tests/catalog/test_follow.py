"""How the loop that follows a log goes about a log that is of no use."""

import asyncio
from collections.abc import Sequence

import pytest

from catalog import follow as following
from catalog.change import Change, Position
from catalog.errors import Diverged, Unavailable
from catalog.follow import follow
from catalog.log import MemoryLog, Snapshot

TOOK = 0.05  # seconds


class Doubting:
    """A follower to whom no snapshot adds up; it takes a while to find that out."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def position(self, region: str) -> Position | None:
        return None

    async def reset(self, snapshot: Snapshot) -> None:
        await asyncio.sleep(TOOK)
        raise Diverged("nothing adds up")

    async def apply(self, changes: Sequence[Change]) -> None:
        raise AssertionError("nothing can follow nothing")

    def heard(self, region: str) -> None:
        raise AssertionError("nothing was heard")

    def lost(self, region: str, error: Unavailable) -> None:
        self.reasons.append(str(error))


@pytest.mark.parametrize(("share", "longest", "at_least"), [(0.1, 30.0, TOOK * 9), (0.0001, 3.0, 3.0)])
async def test_snapshots_that_are_of_no_use_take_a_small_part_of_the_time(
    monkeypatch: pytest.MonkeyPatch, share: float, longest: float, at_least: float
) -> None:
    monkeypatch.setattr(following, "PAUSES", (0.001,))
    monkeypatch.setattr(following, "LARGEST_SHARE", share)
    monkeypatch.setattr(following, "LONGEST", longest)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    follower = Doubting()
    with pytest.raises(asyncio.CancelledError):
        await follow(MemoryLog("us-east"), follower, pause=pause)
    assert all(at_least <= seconds <= longest for seconds in pauses)
    assert follower.reasons == ["nothing adds up; `manage.py verify_log` in us-east names all that is damaged"] * 2
