"""The guard: which addresses a probe may connect to."""

import ipaddress
import socket
import ssl
from typing import Any

import pytest

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.checks.probes.engine import Engine
from registry.checks.probes.guard import Guard, Refused
from tests.harness.probes import CERTIFICATE, CERTIFICATE_KEY
from tests.harness.probes.servers import LOOPBACK, http_check, http_target

REFUSED = [
    ("169.254.169.254", "cloud metadata"),
    ("169.254.170.2", "cloud metadata"),
    ("100.100.100.200", "cloud metadata"),
    ("168.63.129.16", "cloud metadata"),
    ("fd00:ec2::254", "cloud metadata"),
    ("fd20:ce::254", "cloud metadata"),
    ("169.254.0.1", "link-local"),
    ("169.254.255.255", "link-local"),
    ("fe80::1", "link-local"),
    ("fe80::1%1", "link-local"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("ff02::1", "multicast"),
    ("255.255.255.255", "broadcast"),
    ("240.0.0.1", "reserved"),
    ("0.0.0.0", "unspecified"),
    ("::", "unspecified"),
    ("::ffff:169.254.169.254", "cloud metadata"),  # IPv4-mapped
    ("::ffff:0.0.0.0", "unspecified"),
    ("::169.254.169.254", "cloud metadata"),  # IPv4-compatible
    ("64:ff9b::169.254.169.254", "cloud metadata"),  # NAT64
    ("2002:a9fe:a9fe::1", "cloud metadata"),  # 6to4
]
ALLOWED = ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize(("host", "reason"), REFUSED)
def test_an_address_that_no_probe_may_reach_is_refused_with_its_reason(host: str, reason: str) -> None:
    objection = Guard().objection(host)
    assert objection is not None
    assert reason in objection


@pytest.mark.parametrize("host", ALLOWED)
def test_other_addresses_may_be_probed(host: str) -> None:
    assert Guard().objection(host) is None


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False), ("127.0.0.1", False), ("::1", False)],
)
def test_networks_limit_where_probes_go(host: str, allowed: bool) -> None:
    guard = Guard([ipaddress.ip_network("10.1.0.0/16")])
    assert (guard.objection(host) is None) is allowed


def test_no_network_opens_a_refused_address() -> None:
    guard = Guard([ipaddress.ip_network("169.254.169.254/32")])
    assert guard.objection("169.254.169.254") is not None


def test_a_socket_is_only_given_for_an_address_that_may_be_reached() -> None:
    refused = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))
    with pytest.raises(Refused, match="metadata"):
        Guard().socket(refused)


CHECKS = [
    ("http literal", Check(name="c", type=CheckType.HTTP, url="http://169.254.169.254/latest/")),
    ("http name", Check(name="c", type=CheckType.HTTP, url="http://metadata.test/latest/")),
    ("http mapped", Check(name="c", type=CheckType.HTTP, url="http://[::ffff:169.254.169.254]/")),
    ("http hexadecimal", Check(name="c", type=CheckType.HTTP, url="http://0xa9fea9fe/")),
    ("https name", Check(name="c", type=CheckType.HTTP, url="https://metadata.test/")),
    ("tcp literal", Check(name="c", type=CheckType.TCP, address="169.254.169.254:80")),
    ("tcp name", Check(name="c", type=CheckType.TCP, address="metadata.test:80")),
    ("grpc literal", Check(name="c", type=CheckType.GRPC, address="169.254.169.254:80")),
    ("grpc name", Check(name="c", type=CheckType.GRPC, address="metadata.test:80")),
    ("dns literal", Check(name="c", type=CheckType.DNS, query="a.example", address="169.254.169.254:53")),
    ("dns name", Check(name="c", type=CheckType.DNS, query="a.example", address="metadata.test:53")),
]


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that resolve as the test says: the resolver of the system, with more names."""
    names: dict[str, list[str]] = {"metadata.test": ["169.254.169.254"]}
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in names:
            return list(original(host, port, *args, **kwargs))
        address = names[host].pop(0) if len(names[host]) > 1 else names[host][0]
        return list(original(address, port, *args, **kwargs))

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


@pytest.mark.usefixtures("resolving")
@pytest.mark.parametrize(("what", "check"), CHECKS, ids=[what for what, _ in CHECKS])
async def test_a_probe_that_leads_to_a_metadata_address_is_critical_and_says_why(
    engine: Engine, what: str, check: Check
) -> None:
    outcome = await engine.probe(check, (LOOPBACK, 80))
    assert outcome.status is Status.CRITICAL
    assert "refused" in outcome.output, what
    assert "cloud metadata address" in outcome.output, what


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
async def test_no_spelling_of_a_metadata_address_gets_through(engine: Engine, host: str) -> None:
    outcome = await engine.probe(http_check(f"http://{host}/"), (LOOPBACK, 80))
    assert outcome.status is Status.CRITICAL
    assert "cloud metadata address" in outcome.output or "not a canonical IPv4 address" in outcome.output


async def test_a_name_that_changes_its_address_is_judged_by_the_one_that_is_connected_to(
    engine: Engine, resolving: dict[str, list[str]]
) -> None:
    async with http_target() as target:
        resolving["rebinding.test"] = [LOOPBACK, "169.254.169.254"]
        check = http_check(f"http://rebinding.test:{target.port}/")
        first = await engine.probe(check, (LOOPBACK, 80))
    async with Engine(Guard()) as fresh:  # without what the first engine remembers of names
        second = await fresh.probe(check, (LOOPBACK, 80))
    assert first.status is Status.PASSING
    assert "cloud metadata address" in second.output


async def test_a_redirect_to_a_metadata_address_is_not_followed(engine: Engine) -> None:
    async with http_target() as target:
        target.status, target.headers = 302, {"Location": "http://169.254.169.254/latest/meta-data/"}
        outcome = await engine.probe(http_check(target.url), (LOOPBACK, 80))
    assert outcome.status is Status.CRITICAL
    assert "redirects are not followed" in outcome.output


async def test_a_network_that_is_not_allowed_is_never_connected_to() -> None:
    async with http_target() as target, Engine(Guard([ipaddress.ip_network("10.0.0.0/8")])) as engine:
        outcome = await engine.probe(http_check(target.url), (LOOPBACK, 80))
        assert target.requests == []
    assert "outside the networks that probes may reach" in outcome.output


async def test_https_with_a_certificate_that_nobody_vouches_for_is_critical(engine: Engine) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE_KEY)
    async with http_target(context) as target:
        outcome = await engine.probe(http_check(target.url.replace("http:", "https:")), (LOOPBACK, 80))
    assert outcome.status is Status.CRITICAL
    assert "certificate" in outcome.output
