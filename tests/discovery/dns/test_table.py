"""What is kept, for how long, and what drops it."""

import struct

import dns.message
import pytest

from catalog.records.status import Status
from discovery.dns import table as tables
from discovery.dns.message import Prepared
from discovery.dns.table import AnswerTable, Bodies
from tests.harness.dns.name_server import NOW, NameServer, data, instance, override

WEB = frozenset({("us-east", "default/web")})
PAY = frozenset({("us-east", "default/pay")})
KIND = (1, 0)


def bodies() -> Bodies:
    return Bodies([b"x"], KIND, truncated=False)


def test_a_packet_is_kept_from_its_second_time_on() -> None:
    name_server = NameServer(instance("w1"))
    name_server.ask("web.service.consul", times=1)
    assert not name_server.table.bodies
    name_server.ask("web.service.consul", times=1)
    assert len(name_server.table.bodies) == 1


def test_packets_that_come_once_keep_nothing_but_one_prepared_answer() -> None:
    name_server = NameServer(instance("w1"))
    for number in range(64):
        cased = "".join(letter.upper() if number >> at & 1 else letter for at, letter in enumerate("service"))
        name_server.ask(f"web.{cased}.consul")
    assert not name_server.table.bodies
    assert len(name_server.table.prepared) == 1


def test_invented_names_are_not_prepared() -> None:
    name_server = NameServer(instance("w1"))
    for number in range(50):
        name_server.ask(f"x{number}.service.consul", times=2)
    assert not name_server.table.prepared


def test_a_change_drops_the_answers_of_its_service_alone() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"), instance("p1", service="pay", host="10.0.0.9"))
    for name in ("web.service.consul", "pay.service.consul"):
        name_server.ask(name, times=3)
    pay = [key for key in name_server.table.bodies if b"pay" in key]
    name_server.put(instance("w2", host="10.0.0.2"))
    assert list(name_server.table.bodies) == pay
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.1", "10.0.0.2"]


def test_a_name_that_did_not_exist_does_once_it_is_registered() -> None:
    name_server = NameServer(instance("w1"))
    name_server.ask("pay.service.consul", times=3)
    name_server.put(instance("p1", service="pay", host="10.0.0.9"))
    assert data(name_server.ask("pay.service.consul")) == ["10.0.0.9"]


def test_a_service_that_is_gone_no_longer_exists() -> None:
    web = instance("w1")
    name_server = NameServer(web)
    name_server.ask("web.service.consul", times=3)
    name_server.remove(web)
    assert name_server.ask("web.service.consul").rcode() == 3


def test_an_override_acts_at_once() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"), instance("w2", host="10.0.0.2"))
    name_server.ask("web.service.consul", times=3)
    name_server.put(override(scope="instance", instance="w1"))
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.2"]


def test_an_override_of_a_zone_acts_on_every_service() -> None:
    name_server = NameServer(instance("w1", zone="a"), instance("w2", zone="b", host="10.0.0.2"))
    name_server.ask("web.service.consul", times=3)
    name_server.put(override(scope="zone", service="", zone="a"))
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.2"]


def test_an_overrides_end_is_kept_without_any_change() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"), override(expires_at=NOW + 30))
    assert data(name_server.ask("web.service.consul", times=3)) == []
    name_server.now = NOW + 30
    name_server.table.expire(name_server.now)
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.1"]


def test_what_does_not_expire_stays() -> None:
    name_server = NameServer(instance("w1"))
    name_server.ask("web.service.consul", times=3)
    name_server.table.expire(NOW + 1e9)
    assert len(name_server.table.bodies) == 1


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
    name_server = NameServer(instance("w1"))
    name_server.ask("web.service.consul", times=10)
    (kept,) = name_server.table.bodies.values()
    assert kept.served == 8
    name_server.put(instance("w2"))
    assert name_server.counters.retired[KIND] == 8


def test_recovery_is_seen_through_every_name() -> None:
    sick = instance("w1", host="10.0.0.1", status=Status.CRITICAL, ports={"grpc": 1}, tags=("blue",))
    name_server = NameServer(sick)
    names = ["web.service.consul", "web.internal", "blue.web.service.consul", "_web._grpc.service.consul"]
    for name in names:
        assert data(name_server.ask(name, times=3)) == []
    name_server.put(instance("w1", host="10.0.0.1", ports={"grpc": 1}, tags=("blue",)))
    for name in names:
        assert data(name_server.ask(name)) == ["10.0.0.1"]


def test_other_ids_share_an_answer() -> None:
    name_server = NameServer(instance("w1"))
    packet = dns.message.make_query("web.service.consul", "A").to_wire()[2:]
    for id in range(5):
        answer = name_server.exchange(struct.pack("!H", id) + packet)
        assert answer is not None
        assert answer[:2] == struct.pack("!H", id)
    assert len(name_server.table.bodies) == 1


@pytest.mark.parametrize("name", ["web.service.consul", "service.consul", "0a000001.addr.consul", "ns.consul"])
def test_every_kept_answer_goes_when_the_region_is_no_longer_heard(name: str) -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"))
    assert not name_server.ask(name, times=3).options
    name_server.view.mark_stale("us-east", NOW - 60)
    assert "Stale Answer" in name_server.ask(name).options[0].to_text()


def test_the_serial_follows_the_log() -> None:
    name_server = NameServer(instance("w1"))
    assert name_server.ask("consul", "SOA", times=3).answer[0][0].serial == 1
    name_server.put(instance("w2"))
    name_server.now += 1
    name_server.table.expire(name_server.now)
    assert name_server.ask("consul", "SOA").answer[0][0].serial == 2
