"""What the records of each type say."""

from collections import Counter

import dns.name
import dns.rdatatype
import pytest
from dns.rcode import NOERROR, NXDOMAIN, SERVFAIL

from catalog.records.status import Status
from tests.harness.dns.name_server import NOW, NameServer, added, data, instance, override


def test_addresses_are_of_the_type_asked_for() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"), instance("w2", host="2001:db8::2"))
    assert data(name_server.ask("web.service.consul", "A")) == ["10.0.0.1"]
    assert data(name_server.ask("web.service.consul", "AAAA")) == ["2001:db8::2"]


def test_instances_on_one_address_are_one_record() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1", port=1), instance("w2", host="10.0.0.1", port=2))
    assert data(name_server.ask("web.service.consul", "A")) == ["10.0.0.1"]
    assert [text.split()[2] for text in data(name_server.ask("web.service.consul", "SRV"))] == ["1", "2"]


def test_ids_that_share_an_address_and_a_port_are_one_target() -> None:
    name_server = NameServer(*(instance(id, host="10.0.0.1", port=8001) for id in ("w1", "w2", "w3")))
    assert data(name_server.ask("web.service.consul", "SRV")) == ["1 1 8001 0a000001.addr.us-east.consul."]


def test_an_instance_without_a_port_has_an_address_and_no_srv() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1", port=None))
    assert data(name_server.ask("web.service.consul", "A")) == ["10.0.0.1"]
    answer = name_server.ask("web.service.consul", "SRV")
    assert (answer.rcode(), answer.answer) == (NOERROR, [])


def test_every_answer_has_the_zones_ttl() -> None:
    name_server = NameServer(instance("w1"), ttl=7)
    for rdtype in ("A", "SRV", "TXT"):
        assert name_server.ask("web.service.consul", rdtype).answer[0].ttl == 7


def test_srv_says_weight_and_port_and_a_target_that_resolves_here() -> None:
    name_server = NameServer(
        instance("w1", host="10.0.0.1", port=8001, weight=10),
        instance("w2", host="2001:db8::2", port=8002, weight=30),
    )
    answer = name_server.ask("web.service.consul", "SRV")
    assert data(answer) == [
        "1 10 8001 0a000001.addr.us-east.consul.",
        "1 30 8002 20010db8000000000000000000000002.addr.us-east.consul.",
    ]
    assert added(answer) == {
        "0a000001.addr.us-east.consul.": {"10.0.0.1"},
        "20010db8000000000000000000000002.addr.us-east.consul.": {"2001:db8::2"},
    }
    assert data(name_server.ask("0a000001.addr.us-east.consul", "A")) == ["10.0.0.1"]
    assert data(name_server.ask("20010db8000000000000000000000002.addr.us-east.consul", "AAAA")) == ["2001:db8::2"]


def test_the_target_is_in_the_domain_that_was_asked() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"))
    assert data(name_server.ask("web.service.internal", "SRV"))[0].endswith(" 0a000001.addr.us-east.internal.")


def test_the_weight_in_srv_is_the_operators_when_he_gave_one() -> None:
    name_server = NameServer(instance("w1", weight=10), override(status=None, weight=3))
    assert data(name_server.ask("web.service.consul", "SRV"))[0].split()[1] == "3"


def test_a_drained_instance_is_not_answered() -> None:
    name_server = NameServer(
        instance("w1", host="10.0.0.1"),
        instance("w2", host="10.0.0.2"),
        override(status=None, weight=0, scope="instance", instance="w1"),
    )
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.2"]


def test_an_address_shared_by_instances_is_added_once() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1", port=1), instance("w2", host="10.0.0.1", port=2))
    answer = name_server.ask("web.service.consul", "SRV")
    assert [rrset.name.to_text() for rrset in answer.additional] == ["0a000001.addr.us-east.consul."]
    assert len(answer.additional[0]) == 1


def test_a_host_name_is_the_target_itself() -> None:
    name_server = NameServer(instance("w1", host="db1.example.com", port=5432))
    answer = name_server.ask("web.service.consul", "SRV")
    assert data(answer) == ["1 1 5432 db1.example.com."]
    assert not answer.additional


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
def test_host_names_give_one_alias_at_a_time(rdtype: str) -> None:
    name_server = NameServer(instance("w1", host="db1.example.com"), instance("w2", host="db2.example.com"))
    seen = Counter[str]()
    for _ in range(40):
        answer = name_server.ask("web.service.consul", rdtype, times=3)
        assert len(data(answer, "CNAME")) == len(data(answer)) == 1
        seen[data(answer)[0]] += 1
    assert set(seen) == {"db1.example.com.", "db2.example.com."}


def test_an_alias_never_stands_beside_an_address() -> None:
    name_server = NameServer(instance("w1", host="db1.example.com"), instance("w2", host="10.0.0.2"))
    assert data(name_server.ask("web.service.consul", "A")) == ["10.0.0.2"]
    answer = name_server.ask("web.service.consul", "AAAA")
    assert (answer.rcode(), answer.answer) == (NOERROR, [])


def test_text_says_what_an_instance_is() -> None:
    name_server = NameServer(
        instance(
            "w1", host="10.0.0.1", port=80, zone="us-east-1a", version="2.1.0", tags=("a", "b"), weight=10,
            metadata={"team": "accounts"}, status=Status.WARNING,
        )
    )  # fmt: skip
    (rrset,) = name_server.ask("web.service.consul", "TXT").answer
    (record,) = rrset
    assert [string.decode() for string in record.strings] == [
        "id=w1", "host=10.0.0.1", "port=80", "version=2.1.0", "zone=us-east-1a", "region=us-east", "status=warning",
        "weight=10", "tags=a,b", "freshness=live", "team=accounts",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "string"),
    [
        ("plain", b"plain=v"),
        ("a=b", b"a`=b=v"),
        ("a`b", b"a``b=v"),
        (" lead", b"` lead=v"),
        ("trail  ", b"trail` ` =v"),
        ("in side", b"in side=v"),
    ],
)
def test_metadata_is_quoted_as_rfc_1464_says(key: str, string: bytes) -> None:
    name_server = NameServer(instance("w1", metadata={key: "v"}))
    (record,) = name_server.ask("web.service.consul", "TXT").answer[0]
    assert record.strings[-1] == string


def test_a_pair_that_is_too_long_for_a_string_is_left_out() -> None:
    name_server = NameServer(instance("w1", metadata={"long": "x" * 300, "short": "y"}))
    (record,) = name_server.ask("web.service.consul", "TXT").answer[0]
    assert record.strings[-1] == b"short=y"
    assert not any(string.startswith(b"long") for string in record.strings)


def test_the_domain_has_an_authority_and_a_name_server() -> None:
    name_server = NameServer(instance("w1"))
    (soa,) = name_server.ask("consul", "SOA").answer[0]
    assert (soa.mname.to_text(), soa.rname.to_text()) == ("ns.consul.", "hostmaster.consul.")
    assert soa.serial == name_server.logs["us-east"].head.position.index
    answer = name_server.ask("internal", "NS")
    assert data(answer) == ["ns.internal."]
    assert added(answer) == {"ns.internal.": {"192.0.2.53"}}


def test_nothing_is_said_with_the_domains_authority_and_a_short_memory() -> None:
    name_server = NameServer(instance("w1"), negative_ttl=2)
    for answer in (name_server.ask("nobody.service.consul"), name_server.ask("web.service.consul", "MX")):
        (rrset,) = answer.authority
        assert rrset.name == dns.name.from_text("consul.")
        assert rrset.ttl == rrset[0].minimum == 2


@pytest.mark.parametrize("rdtype", ["AAAA", "MX", "CNAME", "PTR", "DS", "SOA", "NS", "HTTPS", "TYPE65280"])
def test_a_name_without_the_type_is_empty(rdtype: str) -> None:
    answer = NameServer(instance("w1", host="10.0.0.1")).ask("web.service.consul", rdtype)
    assert (answer.rcode(), answer.answer, len(answer.authority)) == (NOERROR, [], 1)


def test_any_gets_one_small_record() -> None:
    name_server = NameServer(instance("w1"))
    assert data(name_server.ask("web.service.consul", "ANY")) == ['"RFC8482" ""']
    assert name_server.ask("nobody.service.consul", "ANY").rcode() == NXDOMAIN


def test_a_known_service_with_nothing_to_serve_is_empty() -> None:
    name_server = NameServer(instance("w1", status=Status.CRITICAL, tags=("blue",)))
    for name in ("web.service.consul", "web.consul", "blue.web.service.consul", "_web._tcp.service.consul"):
        for rdtype in ("A", "SRV", "TXT"):
            answer = name_server.ask(name, rdtype)
            assert (answer.rcode(), answer.answer, len(answer.authority)) == (NOERROR, [], 1)


def test_before_the_catalog_is_loaded_nobody_is_told_that_a_name_does_not_exist() -> None:
    name_server = NameServer(loaded=False)
    for _ in range(3):
        answer = name_server.ask("web.service.consul")
        assert answer.rcode() == SERVFAIL
        assert [option.to_text() for option in answer.options] == ["EDE 14 (Not Ready): the catalog is not loaded yet"]
    assert name_server.ask("consul", "SOA").rcode() == NOERROR
    name_server.put(instance("w1", host="10.0.0.1"))
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.1"]


def test_an_answer_that_may_have_grown_old_says_so() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"))
    name_server.view.mark_stale("us-east", NOW - 60)
    answer = name_server.ask("web.service.consul")
    assert data(answer) == ["10.0.0.1"]
    assert [option.to_text() for option in answer.options] == [
        "EDE 3 (Stale Answer): us-east as of 1970-01-12T13:45:40Z"
    ]
    (record,) = name_server.ask("web.service.consul", "TXT").answer[0]
    assert b"freshness=stale" in record.strings


def test_with_a_live_view_no_option_is_added() -> None:
    assert NameServer(instance("w1")).ask("web.service.consul").options == ()


def test_srv_and_additional_records_survive_the_longest_names() -> None:
    label, domain = "a" * 63, "b" * 63 + "." + "c" * 40
    name_server = NameServer(instance("w1", service=label, host="10.0.0.1"), domains=(domain,))
    answer = name_server.ask(f"{label}.service.{domain}", "SRV")
    assert added(answer) == {f"0a000001.addr.us-east.{domain}.": {"10.0.0.1"}}


def test_the_first_address_is_every_instances_in_turn() -> None:
    name_server = NameServer(*(instance(f"w{number}", host=f"10.0.0.{number}") for number in range(1, 7)))
    firsts = Counter(
        dns.rdatatype.to_text(answer.answer[0].rdtype) and answer.answer[0][0].to_text()
        for answer in (name_server.ask("web.service.consul") for _ in range(602))
    )
    assert len(firsts) == 6
    assert min(firsts.values()) >= 99
