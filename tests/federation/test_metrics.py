"""What Prometheus is told of each peer and its mirror."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from catalog.digest import EMPTY, to_hex
from catalog.errors import Unavailable
from config.local.plan import BASE_DIR
from federation import metrics, status
from federation.follow import audit
from federation.metrics import Exposition
from federation.models import MirrorState, Peer
from federation.status import Matrix
from federation.tables.peer import State
from registry import freshness
from registry.database import in_thread
from registry.freshness import MirrorStatus
from registry.models import Region
from registry.valkey import aconnection
from tests.harness.contract.sources import _wipe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]
EU = "eu-west"


@pytest.fixture(autouse=True)
def mirrored() -> Iterator[None]:
    """A region with a mirror of eu-west, and a peer that was revoked."""
    _wipe()
    for name in ("us-east", EU):
        Region.objects.create(name=name, log_id="one", index=7, digest=to_hex(EMPTY))
    Peer.objects.create(region=EU, url="http://127.0.0.1:1", state=State.ACTIVE, since=0.0, by="a")
    Peer.objects.create(region="ap-south", state=State.REVOKED, since=0.0, by="a")
    yield
    _wipe()


async def say(**values: object) -> None:
    """What the follower of eu-west says of it."""
    async with aconnection() as client:
        await freshness.publish(client, replace(MirrorStatus(region=EU, log_id="one", index=7), **values))


async def samples(region: str) -> dict[str, float]:
    """Every sample about a region, by name, or by name and state."""
    found = {}
    for family in text_string_to_metric_families(await Exposition().read()):
        for sample in family.samples:
            if sample.labels["region"] == region:
                state = sample.labels.get("state")
                found[f"{sample.name}/{state}" if state else sample.name] = sample.value
    return found


async def test_a_mirror_in_step_is_live_and_equal_and_not_behind() -> None:
    await say(last_contact=time.time(), known=7, equal=True, delay=0.04)
    found = await samples(EU)
    assert found["meridian_mirror_index"] == 7
    assert found["meridian_mirror_lag_entries"] == 0
    assert found["meridian_mirror_lag_seconds"] == 0
    assert found["meridian_mirror_digest_equal"] == 1
    assert found["meridian_mirror_held"] == 0
    assert found["meridian_mirror_relayed"] == 0
    assert found["meridian_peer_delay_seconds"] == 0.04
    assert [found[f"meridian_mirror_freshness/{state}"] for state in ("live", "stale", "unknown")] == [1, 0, 0]
    assert [found[f"meridian_peer_state/{state}"] for state in ("active", "revoked")] == [1, 0]


async def test_a_mirror_that_is_behind_tells_how_far_and_for_how_long() -> None:
    await say(last_contact=time.time() - 60, known=12, path=(EU, "ap-south"))
    found = await samples(EU)
    assert found["meridian_mirror_known_index"] == 12
    assert found["meridian_mirror_lag_entries"] == 5
    assert 60 <= found["meridian_mirror_lag_seconds"] < 70
    assert found["meridian_mirror_relayed"] == 1
    assert found["meridian_mirror_freshness/stale"] == 1


async def test_what_was_never_heard_has_no_lag_in_seconds_and_no_digest_to_compare() -> None:
    found = await samples(EU)
    assert found["meridian_mirror_freshness/unknown"] == 1
    unsaid = {"meridian_mirror_lag_seconds", "meridian_mirror_digest_equal", "meridian_peer_delay_seconds"}
    assert not unsaid & set(found)


async def test_resets_relays_and_divergences_are_counted_and_what_is_held_is_told() -> None:
    await in_thread(lambda: audit.note_state(EU, heard_at=None, verified_at=5.0, resets=3, relays=2))
    await in_thread(lambda: audit.note_divergence(EU, ("default/web",), now=9.0))
    await say(last_contact=time.time(), equal=False, held="30 of 40 would go")
    found = await samples(EU)
    assert found["meridian_peer_resets_total"] == 3
    assert found["meridian_peer_relays_total"] == 2
    assert found["meridian_peer_divergences_total"] == 1
    assert found["meridian_peer_verified_timestamp_seconds"] == 5
    assert (found["meridian_mirror_held"], found["meridian_mirror_digest_equal"]) == (1, 0)
    assert await in_thread(MirrorState.objects.count) == 1


async def test_a_revoked_peer_is_told_as_such() -> None:
    found = await samples("ap-south")
    assert [found[f"meridian_peer_state/{state}"] for state in ("active", "invited", "revoked")] == [0, 0, 1]


async def test_this_region_itself_is_no_mirror() -> None:
    assert await samples("us-east") == {}


async def test_scrapes_while_one_is_read_do_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    may_go = asyncio.Event()

    async def slow(*, now: float) -> Matrix:
        nonlocal asked
        asked += 1
        await may_go.wait()
        raise Unavailable("the database hangs")

    monkeypatch.setattr(status, "matrix", slow)
    exposition = Exposition()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await exposition.read()
    assert asked == 1
    may_go.set()
    with pytest.raises(Unavailable):
        await exposition.read()


def test_every_metric_is_described_to_the_operator() -> None:
    page = (BASE_DIR / "docs" / "federation.md").read_text()
    names = {measured.name for measured, _ in (*metrics.MIRRORS, *metrics.PEERS)}
    assert {name for name in names if name not in page} == set()
