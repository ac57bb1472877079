"""What a registration may say, and the record it becomes."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.records.check import Verdict
from catalog.records.instance import with_lease, with_verdict
from catalog.records.registration import LARGEST_BODY, decode, registration_of, succeed, to_instance
from catalog.records.status import Status
from tests.harness.records import NOW, instance

HTTP = {"name": "http", "type": "http", "url": "http://10.0.1.5:8080/health"}


def registered(body: dict):
    return to_instance(decode(json.dumps(body).encode()), region="us-east", service="web", id="web-1", now=NOW)


def test_everything_but_host_and_port_is_optional():
    record = registered({"host": "10.0.1.5", "port": 8080})
    assert (record.host, record.port, record.status) == ("10.0.1.5", 8080, Status.PASSING)


def test_a_named_port_will_do():
    assert registered({"host": "10.0.1.5", "ports": {"grpc": 50051}}).port == 50051


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "host"),
        ({"host": 5, "port": 1}, "host"),
        ({"host": "a"}, "port"),
        ({"host": "a", "port": "80"}, "port"),
        ({"host": "a", "port": 0}, "port"),
        ({"host": "a", "port": 1, "colour": "red"}, "colour"),
        ({"host": "a", "port": 1, "tags": "primary"}, "tags"),
        ({"host": "a", "port": 1, "tags": ["a", 5]}, "tags[1]"),
        ({"host": "a", "port": 1, "ports": {"grpc": 70_000}}, "ports.grpc"),
        ({"host": "a", "port": 1, "weight": 0}, "weight"),
        ({"host": "a", "port": 1, "lease": {"ttl": "soon"}}, "lease.ttl"),
        ({"host": "a", "port": 1, "lease": {"ttl": "1ms"}}, "lease.ttl"),
        ({"host": "a", "port": 1, "lease": {}}, "lease.ttl"),
        ({"host": "a", "port": 1, "zone": "a b"}, "zone"),
        ({"host": "a", "port": 1, "checks": [{"type": "script"}]}, "checks[0].type"),
        ({"host": "a", "port": 1, "checks": [{"type": "http"}]}, "checks[0].url"),
        ({"host": "a", "port": 1, "checks": [{"type": "http", "url": "ftp://a/"}]}, "checks[0].url"),
        ({"host": "a", "port": 1, "checks": [HTTP, HTTP]}, "checks[1].name"),
        ({"host": "a", "port": 1, "checks": [HTTP | {"interval": "0s"}]}, "checks[0].interval"),
        ({"host": "a", "port": 1, "checks": [HTTP | {"ttl": "5s"}]}, "checks[0].ttl"),
        (
            {"host": "a", "port": 1, "checks": [HTTP | {"failures_before_critical": 0}]},
            "checks[0].failures_before_critical",
        ),
        ({"host": "a", "port": 1, "checks": [{"type": "tcp", "address": "nowhere"}]}, "checks[0].address"),
        ({"host": "a", "port": 1, "checks": [{"type": "dns"}]}, "checks[0].query"),
        ({"host": "a", "port": 1, "deregister_critical_after": "never"}, "deregister_critical_after"),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(body, field):
    with pytest.raises(Invalid) as caught:
        registered(body)
    assert caught.value.field == field


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"host": "a", "port": 1}x'])
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(Invalid):
        decode(body)


def test_an_oversize_body_is_refused_by_its_size():
    with pytest.raises(Invalid, match=str(LARGEST_BODY)):
        decode(b" " * (LARGEST_BODY + 1))


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_with_a_message(body):
    with pytest.raises(Invalid) as caught:
        decode(body)
    assert caught.value.message


def test_registering_again_does_not_wash_a_sick_instance_clean():
    sick = with_verdict(instance(checks=[HTTP]), Verdict("http", Status.CRITICAL, "503", NOW), NOW)
    again = succeed(sick, instance(checks=[HTTP], version="2.0.0", now=NOW + 5))
    assert (again.status, again.critical_since, again.version) == (Status.CRITICAL, NOW, "2.0.0")


def test_a_check_that_changed_starts_afresh():
    sick = with_verdict(instance(checks=[HTTP]), Verdict("http", Status.CRITICAL, "503", NOW), NOW)
    again = succeed(sick, instance(checks=[HTTP | {"url": "http://10.0.1.5:8080/ready"}], now=NOW + 5))
    assert again.status is Status.UNKNOWN


def test_a_registration_is_a_renewal():
    silent = with_lease(instance(lease={"ttl": "15s"}), expired=True, now=NOW)
    again = succeed(silent, instance(lease={"ttl": "15s"}, now=NOW + 5))
    assert (again.status, again.critical_since, again.since) == (Status.PASSING, None, NOW + 5)


def test_registering_the_same_again_keeps_since_when():
    before = instance()
    assert succeed(before, instance(now=NOW + 5)) == before


EVERY_KIND = [
    HTTP | {"headers": {"X-A": "b"}, "method": "HEAD", "expect_status": [200, 204], "expect_body": "ok"},
    {"name": "tcp", "type": "tcp", "address": "10.0.1.5:90", "interval": "5s", "timeout": "500ms"},
    {"name": "grpc", "type": "grpc", "service": "web", "tls": True, "failures_before_critical": 5},
    {"name": "dns", "type": "dns", "query": "web.example", "record": "SRV", "expect_answer": "x"},
    {"name": "beat", "type": "ttl", "ttl": "20s", "status": "passing"},
]
WHOLE = {
    "host": "10.0.1.5", "ports": {"grpc": 90, "http": 80}, "zone": "a", "version": "1.2", "tags": ["x", "y"],
    "metadata": {"k": "v"}, "weight": 7, "owner": "team", "lease": {"ttl": "15s"}, "checks": EVERY_KIND,
    "deregister_critical_after": "10m",
}  # fmt: skip


@pytest.mark.parametrize("body", [WHOLE, {"host": "10.0.1.5", "port": 8080}])
def test_a_record_says_how_to_register_the_same_again(body):
    record = registered(body)
    assert registered(msgspec.to_builtins(registration_of(record))) == record
