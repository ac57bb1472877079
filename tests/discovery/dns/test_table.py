"""What is kept, for how long, and what drops it."""

import struct

import dns.message
import pytest

from catalog.records.status import Status
from discovery.dns import table as tables
from discovery.dns.message import Prepared
from discovery.dns.table import AnswerTable, Bodies
from tests.harness.dns.desk import NOW, Desk, data, instance, override

WEB = frozenset({("us-east", "default/web")})
PAY = frozenset({("us-east", "default/pay")})
KIND = (1, 0)


def bodies() -> Bodies:
    return Bodies([b"x"], KIND, truncated=False)


def test_a_packet_is_kept_from_its_second_time_on() -> None:
    desk = Desk(instance("w1"))
    desk.ask("web.service.consul", times=1)
    assert not desk.table.bodies
    desk.ask("web.service.consul", times=1)
    assert len(desk.table.bodies) == 1


def test_packets_that_come_once_keep_nothing_but_one_prepared_answer() -> None:
    desk = Desk(instance("w1"))
    for number in range(64):
        cased = "".join(letter.upper() if number >> at & 1 else letter for at, letter in enumerate("service"))
        desk.ask(f"web.{cased}.consul")
    assert not desk.table.bodies
    assert len(desk.table.prepared) == 1


def test_invented_names_are_not_prepared() -> None:
    desk = Desk(instance("w1"))
    for number in range(50):
        desk.ask(f"x{number}.service.consul", times=2)
    assert not desk.table.prepared


def test_a_change_drops_the_answers_of_its_service_alone() -> None:
    desk = Desk(instance("w1", host="10.0.0.1"), instance("p1", service="pay", host="10.0.0.9"))
    for name in ("web.service.consul", "pay.service.consul"):
        desk.ask(name, times=3)
    pay = [key for key in desk.table.bodies if b"pay" in key]
    desk.put(instance("w2", host="10.0.0.2"))
    assert list(desk.table.bodies) == pay
    assert data(desk.ask("web.service.consul")) == ["10.0.0.1", "10.0.0.2"]


def test_a_name_that_did_not_exist_does_once_it_is_registered() -> None:
    desk = Desk(instance("w1"))
    desk.ask("pay.service.consul", times=3)
    desk.put(instance("p1", service="pay", host="10.0.0.9"))
    assert data(desk.ask("pay.service.consul")) == ["10.0.0.9"]


def test_a_service_that_is_gone_no_longer_exists() -> None:
    web = instance("w1")
    desk = Desk(web)
    desk.ask("web.service.consul", times=3)
    desk.remove(web)
    assert desk.ask("web.service.consul").rcode() == 3


def test_an_override_acts_at_once() -> None:
    desk = Desk(instance("w1", host="10.0.0.1"), instance("w2", host="10.0.0.2"))
    desk.ask("web.service.consul", times=3)
    desk.put(override(scope="instance", instance="w1"))
    assert data(desk.ask("web.service.consul")) == ["10.0.0.2"]


def test_an_override_of_a_zone_acts_on_every_service() -> None:
    desk = Desk(instance("w1", zone="a"), instance("w2", zone="b", host="10.0.0.2"))
    desk.ask("web.service.consul", times=3)
    desk.put(override(scope="zone", service="", zone="a"))
    assert data(desk.ask("web.service.consul")) == ["10.0.0.2"]


def test_an_overrides_end_is_kept_without_any_change() -> None:
    desk = Desk(instance("w1", host="10.0.0.1"), override(expires_at=NOW + 30))
    assert data(desk.ask("web.service.consul", times=3)) == []
    desk.now = NOW + 30
    desk.table.expire(desk.now)
    assert data(desk.ask("web.service.consul")) == ["10.0.0.1"]


def test_what_does_not_expire_stays() -> None:
    desk = Desk(instance("w1"))
    desk.ask("web.service.consul", times=3)
    desk.table.expire(NOW + 1e9)
    assert len(desk.table.bodies) == 1


def test_an_answer_made_before_a_change_is_not_kept_after_it() -> None:
    table = AnswerTable()
    generation = table.generation
    table.touched("us-east", frozenset({"default/other"}), 7)
    table.put_body(b"q", bodies(), depends=WEB, generation=generation)
    table.put_prepared((b"q", 1), Prepared(rcode=0, depends=WEB), generation=generation)  # type: ignore[arg-type]
    assert not table.bodies
    assert not table.prepared
    table.put_body(b"q", bodies(), depends=WEB, generation=table.generation)
    assert table.bodies


def test_the_generation_moves_only_when_everything_is_dropped() -> None:
    seen: list[tuple[int, bool]] = []
    table = AnswerTable(retire=lambda _: seen.append((table.generation, b"q" in table.bodies)))
    table.put_body(b"q", bodies(), depends=WEB, generation=0)
    table.touched("us-east", frozenset({"default/web"}), 7)
    assert seen == [(0, False)]
    assert table.generation == 1


def test_what_touches_everything_drops_its_region_alone() -> None:
    table = AnswerTable()
    table.put_body(b"here", bodies(), depends=WEB, generation=0)
    table.put_body(b"there", bodies(), depends=frozenset({("eu-west", "default/web")}), generation=0)
    table.touched("us-east", frozenset({"*"}), 7)
    assert list(table.bodies) == [b"there"]


def test_a_full_table_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_BODIES", 64)
    table = AnswerTable()
    for number in range(1000):
        table.put_body(b"%d" % number, bodies(), depends=WEB if number % 2 else PAY, generation=0)
        assert len(table.bodies) <= 64
    assert b"999" in table.bodies
    table.touched("us-east", frozenset({"default/web"}), 7)
    assert all(int(key) % 2 == 0 for key in table.bodies)
    table.touched("us-east", frozenset({"default/pay"}), 8)
    assert not table.bodies


def test_what_has_left_the_table_still_counts() -> None:
    desk = Desk(instance("w1"))
    desk.ask("web.service.consul", times=10)
    (kept,) = desk.table.bodies.values()
    assert kept.served == 8
    desk.put(instance("w2"))
    assert desk.counters.retired[KIND] == 8


def test_recovery_is_seen_through_every_name() -> None:
    sick = instance("w1", host="10.0.0.1", status=Status.CRITICAL, ports={"grpc": 1}, tags=("blue",))
    desk = Desk(sick)
    names = ["web.service.consul", "web.internal", "blue.web.service.consul", "_web._grpc.service.consul"]
    for name in names:
        assert data(desk.ask(name, times=3)) == []
    desk.put(instance("w1", host="10.0.0.1", ports={"grpc": 1}, tags=("blue",)))
    for name in names:
        assert data(desk.ask(name)) == ["10.0.0.1"]


def test_other_ids_share_an_answer() -> None:
    desk = Desk(instance("w1"))
    packet = dns.message.make_query("web.service.consul", "A").to_wire()[2:]
    for id in range(5):
        answer = desk.exchange(struct.pack("!H", id) + packet)
        assert answer is not None
        assert answer[:2] == struct.pack("!H", id)
    assert len(desk.table.bodies) == 1


@pytest.mark.parametrize("name", ["web.service.consul", "service.consul", "0a000001.addr.consul", "ns.consul"])
def test_every_kept_answer_goes_when_the_region_is_no_longer_heard(name: str) -> None:
    desk = Desk(instance("w1", host="10.0.0.1"))
    assert not desk.ask(name, times=3).options
    desk.view.mark_stale("us-east", NOW - 60)
    assert "Stale Answer" in desk.ask(name).options[0].to_text()


def test_the_serial_follows_the_log() -> None:
    desk = Desk(instance("w1"))
    assert desk.ask("consul", "SOA", times=3).answer[0][0].serial == 1
    desk.put(instance("w2"))
    desk.now += 1
    desk.table.expire(desk.now)
    assert desk.ask("consul", "SOA").answer[0][0].serial == 2
