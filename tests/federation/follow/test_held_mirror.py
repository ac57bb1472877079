"""What is held of a mirror waits for a decision, like every hold, and no decision cuts a region off for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.test import Client as Browser

from catalog.errors import Compacted, Held
from federation.client import Client
from federation.follow.breaker import Losses, wait_while_held
from federation.follow.link import Following, Surroundings
from federation.models import MirrorState
from registry.breaker import holds
from registry.commit.writer import local_region
from registry.database import in_thread
from registry.models import HeldRow, Region
from registry.valkey import aconnection
from tests.harness.waiting import aeventually

pytestmark = [pytest.mark.django_db(transaction=True)]

EU, FORMULA, HOUR = "eu-west", "eu-west would lose 30 of 40 instances", 3600.0


class Wait:
    """Waiting of a follower whose peer has `there` of 40 instances. `then` says what happens at each look."""

    def __init__(self, *then: Callable[["Wait"], object], there: int = 10) -> None:
        self.now, self.there, self.told = 0.0, there, list[str]()
        self.losses = Losses(EU, clock=lambda: self.now)
        self._then = list(then)

    def run(self) -> None:
        asyncio.run(self._wait())

    async def _wait(self) -> None:
        first = await in_thread(lambda: holds.hold_mirror(EU, FORMULA, population=40, now=0.0))
        self.now = first.at
        await wait_while_held(
            self.losses, FORMULA, ours=40, count_there=self._count, note=self._note, run=_run,
            clock=lambda: self.now, pause=self._pause,
        )  # fmt: skip

    async def _count(self) -> int:
        return self.there

    def _note(self, held: str) -> None:
        self.told.append(held)

    async def _pause(self, seconds: float) -> None:
        assert self._then, "it waits although there is nothing to wait for"
        await in_thread(lambda: self._then.pop(0)(self))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @property
    def is_lifted(self) -> bool:
        try:
            self.losses(40, 0)
        except Held:
            return False
        return True


async def _run(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return await in_thread(lambda: work(*arguments, **named))


def decide(decision: Callable[..., HeldRow]) -> Callable[[Wait], object]:
    return lambda wait: decision(HeldRow.objects.get().id, actor="alice", cause="checked")


def test_an_approved_loss_may_happen() -> None:
    wait = Wait(decide(holds.approve))
    wait.run()
    assert wait.is_lifted
    assert wait.told == [FORMULA, ""]


def test_what_no_one_decides_happens_when_its_time_is_over() -> None:
    wait = Wait(lambda wait: wait.pass_time(HOUR + 1))
    wait.run()
    assert wait.is_lifted
    assert HeldRow.objects.get().state == "expired"


def test_a_rejected_loss_stays_held_and_says_who_rejected_it() -> None:
    wait = Wait(decide(holds.reject), lambda wait: wait.pass_time(HOUR / 2), lambda wait: wait.pass_time(HOUR))
    with pytest.raises(Compacted, match="has expired"):
        wait.run()
    assert wait.told == [FORMULA, *[f"{FORMULA}; rejected by alice: checked"] * 2, ""]
    assert not wait.is_lifted


def test_after_a_rejection_has_expired_a_new_hold_asks_again() -> None:
    with pytest.raises(Compacted):
        Wait(decide(holds.reject), lambda wait: wait.pass_time(HOUR + 1)).run()
    later = HeldRow.objects.get().at + HOUR + 1
    assert holds.hold_mirror(EU, FORMULA, population=40, now=later).state == "open"
    assert HeldRow.objects.count() == 2


def test_while_a_rejection_counts_no_second_hold_asks() -> None:
    wait = Wait(decide(holds.reject), lambda wait: setattr(wait, "there", 40))
    with pytest.raises(Compacted, match="has its instances back"):
        wait.run()
    assert HeldRow.objects.get().state == "recovered"


def test_a_rejection_can_be_taken_back() -> None:
    wait = Wait(decide(holds.reject), decide(holds.approve))
    wait.run()
    assert wait.is_lifted
    assert HeldRow.objects.get().state == "approved"


def test_a_peer_that_has_its_instances_back_is_no_longer_held() -> None:
    with pytest.raises(Compacted, match="has its instances back"):
        Wait(lambda wait: None, there=39).run()
    assert HeldRow.objects.get().state == "recovered"


def test_an_approval_outlives_the_follower_until_it_has_caught_up() -> None:
    hold = holds.hold_mirror(EU, FORMULA, population=40, now=0.0)
    holds.approve(hold.id, actor="alice", cause="checked")
    assert holds.is_mirror_approved(EU, since=hold.at)
    hold.refresh_from_db()
    assert not holds.is_mirror_approved(EU, since=hold.decided_at or 0.0)


def test_rest_lists_approves_and_rejects_a_held_mirror_like_every_hold(valkey_url: str) -> None:
    hold = holds.hold_mirror(EU, FORMULA, population=40, now=0.0)
    (found,) = Browser().get("/api/v1/held?state=open").json()["results"]
    assert (found["kind"], found["scope"], found["name"], found["members"]) == ("mirror", "region", EU, [])
    reject = Browser().post(f"/api/v1/held/{hold.id}/reject", {"reason": "no"}, content_type="application/json")
    assert reject.json()["state"] == "rejected"
    approve = Browser().post(f"/api/v1/held/{hold.id}/approve", {"reason": "yes"}, content_type="application/json")
    assert approve.json()["state"] == "approved"


def test_what_an_earlier_release_held_is_still_held() -> None:
    Region.objects.create(name=local_region(), log_id="x", index=0, floor=0, digest="", is_local=True)
    MirrorState.objects.create(region=EU, held=FORMULA, held_at=100.0, held_until=9e9)
    MirrorState.objects.create(region="ap-south", held=FORMULA, held_at=100.0, held_until=9e9, approved_by="bob")
    import_module("federation.migrations.0003_holds_moved").move(apps, None)
    assert list(holds.mirrors_held(200.0)) == [EU]
    assert holds.is_mirror_approved("ap-south", since=99.0)
    assert not MirrorState.objects.exclude(held="").exists()


async def following(after: Callable[[Following], Awaitable[None]]) -> None:
    """Run the follower of a peer that cannot be reached just now, as a worker that has just started does."""

    async def others() -> list[Client]:
        return []

    async with aconnection() as valkey, Client(EU, "http://127.0.0.1:1", "secret") as client:
        around = Surroundings(here=local_region(), who="test", valkey=valkey, others=others, run=_run)
        made = Following(client, around)
        task = asyncio.create_task(made.run())
        try:
            await after(made)
        finally:
            task.cancel()
            await asyncio.wait({task})


def passes(followed: Following) -> bool:
    try:
        followed.mirroring.losses(40, 0)
    except Held:
        return False
    return True


async def test_another_worker_goes_on_waiting_for_the_decision(valkey_url: str) -> None:
    hold = await _run(holds.hold_mirror, EU, FORMULA, population=40, now=time.time())

    async def decide_later(followed: Following) -> None:
        await aeventually(lambda: followed.mirroring.status.held == FORMULA, what="it is held again")
        assert not passes(followed)
        await _run(holds.approve, hold.id, actor="alice", cause="checked")
        await aeventually(lambda: followed.mirroring.status.held == "", what="the approval is seen")
        assert passes(followed)

    await following(decide_later)


async def test_another_worker_carries_out_an_approval_that_was_not_finished(valkey_url: str) -> None:
    hold = await _run(holds.hold_mirror, EU, FORMULA, population=40, now=time.time())
    await _run(holds.approve, hold.id, actor="alice", cause="checked")

    async def see(followed: Following) -> None:
        await aeventually(lambda: passes(followed), what="the loss may happen")

    await following(see)
