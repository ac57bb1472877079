"""What a registration may say, and the record it becomes."""

import json
from urllib.parse import urlsplit

import msgspec
import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.records.check import Verdict
from catalog.records.instance import with_lease, with_verdict
from catalog.records.registration import LARGEST_BODY, decode, from_mapping, registration_of, succeed, to_instance
from catalog.records.status import Status
from tests.harness.records import NOW, instance

HTTP = {"name": "http", "type": "http", "url": "http://10.0.1.5:8080/health"}


def registered(body: dict):
    return to_instance(decode(json.dumps(body).encode()), region="us-east", service="web", id="web-1", now=NOW)


def test_everything_but_the_host_is_optional():
    record = registered({"host": "10.0.1.5", "port": 8080})
    assert (record.host, record.port, record.status) == ("10.0.1.5", 8080, Status.PASSING)


def test_a_named_port_will_do():
    assert registered({"host": "10.0.1.5", "ports": {"grpc": 50051}}).port == 50051


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "host"),
        ({"host": 5, "port": 1}, "host"),
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
    healthy = with_verdict(instance(checks=[HTTP]), Verdict("http", Status.PASSING, "200", NOW), NOW)
    again = succeed(healthy, instance(checks=[HTTP | {"url": "http://10.0.1.5:8080/ready"}], now=NOW + 5))
    assert again.status is Status.UNKNOWN


TCP = {"name": "tcp", "type": "tcp"}


@pytest.mark.parametrize(
    "checks",
    [
        pytest.param([HTTP | {"timeout": "1s"}], id="another timeout"),
        pytest.param([HTTP | {"name": "renamed"}], id="another name"),
        pytest.param([HTTP | {"timeout": "1s", "status": "passing"}], id="a status of its own"),
        pytest.param([TCP], id="the failing check left out"),
        pytest.param([TCP | {"name": "new"}], id="another check instead"),
    ],
)
def test_an_instance_that_a_check_found_critical_stays_so_whatever_changes_about_its_checks(checks):
    before = with_verdict(instance(checks=[HTTP, TCP]), Verdict("tcp", Status.PASSING, "connected", NOW), NOW)
    sick = with_verdict(before, Verdict("http", Status.CRITICAL, "503", NOW), NOW)
    again = succeed(sick, instance(checks=checks, now=NOW + 5))
    assert again.status is Status.CRITICAL
    recovered = again
    for check in again.checks:
        recovered = with_verdict(recovered, Verdict(check.name, Status.PASSING, "ok", NOW + 6), NOW + 6)
    assert recovered.status is Status.PASSING


def test_without_any_check_left_nothing_can_call_an_instance_critical():
    sick = with_verdict(instance(checks=[HTTP]), Verdict("http", Status.CRITICAL, "503", NOW), NOW)
    assert succeed(sick, instance(now=NOW + 5)).status is Status.PASSING


def check_field(check):
    with pytest.raises(Invalid) as caught:
        registered({"host": "a", "port": 1, "checks": [HTTP | check]})
    return caught.value.field


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1:8080/", "http://::1:8080/", "http://a:99999/", "http://a:0/", "http://a:$PORT/", "http://:80/",
        "ftp://a/", "http://a b/", "http://a/\r\nX: y", "http://[fe80::1%25eth0]/", "http://a..b/", "http://-/", "a",
        "http://" + "a" * 3000,
    ],
)  # fmt: skip
def test_a_url_that_no_probe_could_ask_is_refused(url):
    assert check_field({"url": url}) == "checks[0].url"


@given(st.text(alphabet="htp:/@[]%$a1.:\\?#é-_ ", max_size=30).map("http://".__add__))
def test_what_is_taken_for_a_url_leads_a_probe_to_the_same_place(url):
    try:
        registered({"host": "a", "port": 1, "checks": [HTTP | {"url": url}]})
    except Invalid:
        return
    ours, theirs = urlsplit(url), yarl.URL(url)
    assert (ours.hostname, ours.port or 80) == (theirs.host, theirs.port)


@pytest.mark.parametrize(
    ("check", "field"),
    [
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "checks[0].headers[X-A]"),
        ({"headers": {"X A": "b"}}, "checks[0].headers[X A]"),
        ({"headers": {"Content-Length": "5"}}, "checks[0].headers[Content-Length]"),
        ({"headers": {"X-A": 1}}, "checks[0].headers[X-A]"),
        ({"expect_status": 1000}, "checks[0].expect_status"),
        ({"expect_status": [200, 99]}, "checks[0].expect_status"),
    ],
)
def test_what_no_http_check_could_send_or_see_is_refused(check, field):
    assert check_field(check) == field


@pytest.mark.parametrize(
    ("check", "field"),
    [
        ({"type": "tcp", "address": "a:²"}, "address"),
        ({"type": "tcp", "address": "a:99999"}, "address"),
        ({"type": "tcp", "address": "::1:80"}, "address"),
        ({"type": "dns", "query": "a..b"}, "query"),
        ({"type": "dns", "query": "a" * 64}, "query"),
        ({"type": "grpc", "service": "a\0"}, "service"),
    ],
)
def test_what_no_other_check_could_ask_is_refused_by_its_field(check, field):
    with pytest.raises(Invalid) as caught:
        registered({"host": "a", "port": 1, "checks": [check]})
    assert caught.value.field == f"checks[0].{field}"


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"host": "http://10.0.0.1:80/"}, "without scheme"),
        ({"host": "10.0.0.1:8080"}, "the port in its own field"),
        ({"host": "a", "weight": 0}, "drain it by an override"),
        ({"host": "a", "checks": [{"type": "htttp"}]}, "use ttl, http, tcp, grpc, dns"),
        ({"host": "a", "metadata": {"k": 1}}, "Expected `str`"),
        ({"Name": "web", "Address": "10.0.0.1", "Port": 80}, "looks like Consul's form"),
        ({"instance": {"hostName": "a", "app": "WEB"}}, "looks like Eureka's form"),
        ({"host": "fe80::1%eth0"}, "zone id"),
    ],
)
def test_a_complaint_says_what_to_do(body, hint):
    with pytest.raises(Invalid, match=hint):
        registered(body)


def test_a_complaint_about_a_map_names_the_key():
    with pytest.raises(Invalid) as caught:
        registered({"host": "a", "metadata": {"good": "x", "bad": 1}})
    assert caught.value.field == "metadata[bad]"


@pytest.mark.parametrize(
    ("body", "hint"),
    [(b"\x1f\x8b\x08\x00", "compressed by gzip"), (b'\xef\xbb\xbf{"host": "a"}', "byte order mark")],
)
def test_a_body_in_another_encoding_is_said_to_be_that(body, hint):
    with pytest.raises(Invalid, match=hint):
        decode(body)


def test_null_stands_for_what_is_not_given():
    said = {
        "host": "a",
        "port": 1,
        "tags": None,
        "metadata": None,
        "version": None,
        "checks": [HTTP | {"headers": None}],
    }
    assert registered(said) == registered({"host": "a", "port": 1, "checks": [HTTP]})
    assert decode(json.dumps(said).encode()) == from_mapping(said)


def test_a_worker_has_no_port():
    worker = registered({"host": "10.0.0.1", "lease": {"ttl": "15s"}})
    assert (worker.port, worker.endpoint) == (0, "10.0.0.1")
    assert registered(msgspec.to_builtins(registration_of(worker))) == worker


def test_a_check_of_an_instance_without_a_port_says_where():
    with pytest.raises(Invalid, match="the instance has no port") as caught:
        registered({"host": "10.0.0.1", "checks": [{"type": "tcp"}]})
    assert caught.value.field == "checks[0].address"


@pytest.mark.parametrize(
    ("given", "stored"),
    [("::ffff:127.0.4.1", "127.0.4.1"), ("[::FFFF:7f00:401]", "127.0.4.1"), ("2001:DB8:0::1", "2001:db8::1")],
)
def test_another_spelling_of_an_address_is_the_same_address(given, stored):
    assert registered({"host": given, "port": 1}).host == stored


@pytest.mark.parametrize("host", ["my_app_1", "my_app.local", "_x", "shop_web_1.shop_default"])
def test_names_of_containers_are_hosts(host):
    assert registered({"host": host, "port": 1}).host == host


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
