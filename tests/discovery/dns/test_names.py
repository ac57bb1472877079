"""The forms of names, as the man page has them."""

import pytest
from dns.rcode import NOERROR, NXDOMAIN, REFUSED

from tests.harness.dns.name_server import NameServer, data, instance


@pytest.fixture(scope="module")
def name_server() -> NameServer:
    return NameServer(
        instance("w1", host="10.0.0.1", port=80, ports={"grpc": 5001}, tags=("Primary", "v1.2")),
        instance("w2", host="10.0.0.2", port=80, ports={"admin": 9001}),
        instance("p1", service="pay", namespace="prod", host="10.0.0.3"),
        instance("f1", host="10.9.0.1", region="eu-west", tags=("primary",)),
        instance("s1", service="service", host="10.0.0.4"),
        instance("n1", service="us-east", host="10.0.0.5"),
        regions=["eu-west"],
    )


HERE = ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("web.service.consul", HERE),
        ("web.service.internal", HERE),
        ("web.consul", HERE),
        ("WEB.Service.CONSUL", HERE),
        ("web.service.us-east.consul", HERE),
        ("web.service.eu-west.consul", ["10.9.0.1"]),
        ("web.service.eu-west.dc.consul", ["10.9.0.1"]),
        ("primary.web.service.consul", ["10.0.0.1"]),
        ("PRIMARY.web.service.consul", ["10.0.0.1"]),
        ("primary.web.service.eu-west.consul", ["10.9.0.1"]),
        ("v1.2.web.service.consul", ["10.0.0.1"]),
        ("_web._tcp.service.consul", HERE),
        ("_web._udp.service.consul", HERE),
        ("_web._tcp.consul", HERE),
        ("_web._tcp.service.eu-west.consul", ["10.9.0.1"]),
        ("_web._grpc.service.consul", ["10.0.0.1"]),
        ("_web._primary.service.consul", ["10.0.0.1"]),
        ("pay.service.prod.ns.consul", ["10.0.0.3"]),
        ("pay.service.prod.ns.us-east.consul", ["10.0.0.3"]),
        ("service.service.consul", ["10.0.0.4"]),
        ("us-east.consul", ["10.0.0.5"]),
        ("0a000007.addr.us-east.consul", ["10.0.0.7"]),
        ("0a000007.addr.consul", ["10.0.0.7"]),
        ("ns.consul", ["192.0.2.53"]),
    ],
)
def test_a_name_leads_to_its_instances(name_server: NameServer, name: str, addresses: list[str]) -> None:
    answer = name_server.ask(name)
    assert answer.rcode() == NOERROR
    assert data(answer, "A") == addresses


@pytest.mark.parametrize(
    "name",
    [
        "nobody.service.consul",
        "nobody.consul",
        "web.service.mars.consul",
        "web.service.eu-west.us-east.consul",
        "nosuchtag.web.service.consul",
        "_web._nosuch.service.consul",
        "_nobody._tcp.service.consul",
        "pay.service.consul",
        "pay.service.nowhere.ns.consul",
        "a.b.consul",
        "zz.addr.consul",
        "0a0000.addr.consul",
        "0a000007.x.addr.consul",
        "0a000007.addr.mars.consul",
        "w1.node.consul",
        "mars.dc.consul",
        "caf\\233.service.consul",
    ],
)
def test_a_name_that_nothing_registered_does_not_exist(name_server: NameServer, name: str) -> None:
    answer = name_server.ask(name)
    assert answer.rcode() == NXDOMAIN
    assert not answer.answer
    assert [rrset.name.to_text() for rrset in answer.authority] == ["consul."]


@pytest.mark.parametrize(
    "name",
    [
        "consul",
        "service.consul",
        "addr.consul",
        "_tcp.consul",
        "_tcp.service.consul",
        "eu-west.consul",
        "service.eu-west.consul",
        "addr.eu-west.consul",
        "2.web.service.consul",
        "eu-west.dc.consul",
        "dc.consul",
        "prod.ns.consul",
    ],
)
def test_a_name_with_names_below_it_exists_and_is_empty(name_server: NameServer, name: str) -> None:
    # A resolver that asks for one label more at a time (RFC 9156) gives up at the first NXDOMAIN.
    answer = name_server.ask(name)
    assert answer.rcode() == NOERROR
    assert not answer.answer
    assert len(answer.authority) == 1


@pytest.mark.parametrize("name", ["example.com", ".", "web.service.consul.example.com", "notconsul", "xconsul"])
def test_a_name_outside_the_domains_is_refused(name_server: NameServer, name: str) -> None:
    answer = name_server.ask(name)
    assert answer.rcode() == REFUSED
    assert not answer.answer
    assert not answer.authority


def test_a_domain_may_have_several_labels_and_lie_in_another() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1"), domains=("example.com", "sd.example.com"))
    assert data(name_server.ask("web.service.sd.example.com")) == ["10.0.0.1"]
    assert data(name_server.ask("web.sd.example.com")) == ["10.0.0.1"]
    assert name_server.ask("sd.example.com", "SOA").answer[0].name.to_text() == "sd.example.com."


def test_a_named_port_is_the_one_in_srv(name_server: NameServer) -> None:
    assert [text.split()[2] for text in data(name_server.ask("_web._grpc.service.consul", "SRV"))] == ["5001"]
    assert [text.split()[2] for text in data(name_server.ask("_web._tcp.service.consul", "SRV"))] == ["80", "80"]


def test_two_spellings_of_a_tag_are_one_tag() -> None:
    name_server = NameServer(
        instance("w1", host="10.0.0.1", tags=("Blue",)),
        instance("w2", host="10.0.0.2", tags=("blue",)),
        instance("w3", host="10.0.0.3", tags=("blue", "BLUE")),
        instance("w4", host="10.0.0.4", tags=("green",)),
    )
    assert data(name_server.ask("blue.web.service.consul")) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert len(data(name_server.ask("blue.web.service.consul", "SRV"))) == 3


def test_a_region_becomes_known_when_it_is_heard() -> None:
    name_server = NameServer(instance("w1"))
    for _ in range(3):
        assert name_server.ask("web.service.eu-west.consul").rcode() == NXDOMAIN
    far = instance("f1", region="eu-west", host="10.9.0.1")
    later = NameServer(far, regions=["eu-west"])
    name_server.logs["eu-west"] = later.logs["eu-west"]
    name_server.catch_up()
    assert data(name_server.ask("web.service.eu-west.consul")) == ["10.9.0.1"]
