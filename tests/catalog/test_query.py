"""The one query: who is returned, in which order, and why."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.log import MemoryLog
from catalog.query import Query, Reason, answer, explain
from catalog.records.check import Verdict
from catalog.records.filter import LONGEST, Filter, compiled
from catalog.records.instance import Instance, with_lease, with_verdict
from catalog.records.override import Scope
from catalog.records.status import Status
from catalog.view import View
from tests.harness.records import NOW, instance, override

HTTP = {"name": "http", "type": "http", "url": "http://x/", "interval": "10s", "timeout": "2s"}
GOOD, BAD = Verdict("http", Status.PASSING, "200", NOW), Verdict("http", Status.CRITICAL, "503", NOW)


async def view_of(*records) -> View:
    log, view = MemoryLog("us-east"), View(clock=lambda: NOW)
    for record in records:
        log.append(record.key, record)
    await view.reset(await log.snapshot())
    return view


def asking(**fields) -> Query:
    return Query(region="us-east", service="user-service", **fields)


def ids(result) -> list[str]:
    return [decision.instance.id for decision in result.decisions]


def verdict_on(result, id: str):
    return next(decision for decision in result.decisions if decision.instance.id == id)


async def test_a_passing_instance_is_returned():
    result = answer(await view_of(instance()), asking(), NOW)
    assert ids(result) == ["user-1"]


@pytest.mark.parametrize(
    ("changed", "returned"),
    [
        (lambda record: with_verdict(record, BAD, NOW), False),
        (lambda record: with_verdict(record, GOOD, NOW), True),
        (lambda record: with_verdict(record, Verdict("http", Status.WARNING), NOW), True),
        (lambda record: with_lease(record, expired=True, now=NOW), False),
    ],
)
async def test_only_what_may_take_traffic_is_returned(changed, returned):
    view = await view_of(changed(instance(checks=[HTTP])))
    assert bool(answer(view, asking(), NOW).decisions) is returned


async def test_an_unknown_name_is_told_from_an_empty_one():
    view = await view_of(with_lease(instance(), expired=True, now=NOW))
    empty = answer(view, asking(), NOW)
    unknown = answer(view, Query(region="us-east", service="nobody"), NOW)
    assert (empty.known, unknown.known) == (True, False)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tags": ("canary",)}, Reason.TAG),
        ({"tags": ("primary", "canary")}, Reason.TAG),
        ({"version": "3.0"}, Reason.VERSION),
        ({"port": "metrics"}, Reason.PORT),
        ({"filter": compiled("metadata['team'] == 'orders'")}, Reason.FILTER),
        ({"statuses": frozenset({Status.WARNING})}, Reason.STATUS),
        ({"limit": 0}, Reason.LIMIT),
        ({"tags": ("primary",), "version": "2.1.0", "port": "grpc"}, Reason.SERVES),
    ],
)
async def test_each_condition_excludes_with_its_reason(fields, reason):
    record = instance(tags=["primary"], version="2.1.0", ports={"grpc": 50051}, metadata={"team": "accounts"})
    result = explain(await view_of(record), asking(**fields), NOW)
    assert result.decisions[0].reason is reason


async def test_a_named_port_is_the_port_of_the_answer():
    view = await view_of(instance(ports={"grpc": 50051}))
    assert answer(view, asking(port="grpc"), NOW).decisions[0].port == 50051


async def test_the_preferred_zone_comes_first_and_excludes_nobody():
    view = await view_of(instance(id="a", zone="east-1a"), instance(id="b", zone="east-1b"))
    assert ids(answer(view, asking(zone="east-1b"), NOW)) == ["b", "a"]


async def test_an_override_takes_an_instance_out_and_says_why():
    word = override(Scope.INSTANCE, service="user-service", instance="user-1", reason="kernel upgrade")
    result = explain(await view_of(instance(), word), asking(), NOW)
    assert result.decisions[0].reason is Reason.OVERRIDE
    assert "kernel upgrade" in result.decisions[0].explanation


async def test_an_answer_is_valid_until_its_override_expires():
    word = override(service="user-service", expires_at=NOW + 60)
    view = await view_of(instance(), word)
    before, after = answer(view, asking(), NOW), answer(view, asking(), NOW + 60)
    assert (before.valid_until, ids(before), ids(after)) == (NOW + 60, [], ["user-1"])


async def test_weight_zero_drains():
    word = override(service="user-service", weight=0)
    result = explain(await view_of(instance(), word), asking(), NOW)
    assert result.decisions[0].reason is Reason.DRAINED


async def test_good_news_grows_old_while_nobody_probes():
    view = await view_of(with_verdict(instance(checks=[HTTP]), GOOD, NOW))
    view.blind("us-east", NOW)
    early, late = answer(view, asking(), NOW + 31), answer(view, asking(), NOW + 32)
    assert [result.decisions[0].status for result in (early, late)] == [Status.PASSING, Status.UNKNOWN]
    assert early.valid_until == NOW + 32


async def test_bad_news_does_not_grow_old():
    view = await view_of(with_verdict(instance(checks=[HTTP]), BAD, NOW))
    view.blind("us-east", NOW)
    assert ids(answer(view, asking(), NOW + 1000)) == []


async def test_a_limit_gives_each_asker_a_stable_share_by_weight():
    heavy = [instance(id=f"heavy-{number}", weight=9) for number in range(10)]
    light = [instance(id=f"light-{number}", weight=1) for number in range(10)]
    view = await view_of(*heavy, *light)
    chosen = [ids(answer(view, asking(limit=1, seed=f"10.0.0.{n}"), NOW))[0] for n in range(300)]
    again = [ids(answer(view, asking(limit=1, seed=f"10.0.0.{n}"), NOW))[0] for n in range(300)]
    assert chosen == again
    assert 0.8 < sum(id.startswith("heavy") for id in chosen) / 300 < 0.98


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("'primary' in tags", True),
        ("metadata['team'] == 'accounts' and port > 1000", True),
        ("metadata['missing'] == 'x'", False),
        ("version.starts_with('2.') and zone in ['east-1a', 'east-1b']", True),
        ("metadata['team'] == 'for $x =~ **'", False),
        ("not (zone == 'east-1a')", False),
        ("status == 'passing'", True),
    ],
)
def test_a_filter_reads_the_record(text, accepted):
    record = instance(tags=["primary"], metadata={"team": "accounts"}, version="2.1.0", zone="east-1a")
    assert Filter(text).accepts(record) is accepted


@pytest.mark.parametrize("text", ["", "tags in", "colour == 'red'", "port + 'a'", "(" * 20, "x" * (LONGEST + 1)])
def test_a_filter_that_cannot_be_read_is_refused(text):
    with pytest.raises(Invalid) as caught:
        Filter(text)
    assert caught.value.field == "filter"


@pytest.mark.parametrize(
    "text",
    [
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' =~ r'(a+)+$'",
        "id =~~ '(a|a)*b'",
        "id !~ '(a|a)*b'",
        "'\"' == id or 'a' =~ '(a+)+$' or '\"' == id",
        "$range(10000000) == tags",
        "$now == $now",
        "[x for x in tags] == tags",
        "9 ** 9 ** 9 > 1",
        "1 << 1000000000 > 1",
        "1e999999 > port",
        "id == 'x' # a comment",
    ],
)
def test_a_filter_has_no_words_that_can_take_for_ever(text):
    with pytest.raises(Invalid, match=r"is no word of a filter|is not part of a filter"):
        Filter(text)


@pytest.mark.parametrize("text", ["not " * 126 + "true", "(" * 250 + "true" + ")" * 250, "[" * 250 + "]" * 250])
def test_a_filter_that_is_nested_deeply_is_decided_or_refused_by_name(text):
    with suppress(Invalid):
        assert Filter(text).accepts(instance()) is True


@st.composite
def fleets(draw) -> list[Instance]:
    fleet = []
    for number in range(draw(st.integers(0, 8))):
        record = instance(
            id=f"i-{number}",
            checks=[HTTP],
            zone=draw(st.sampled_from(["a", "b", ""])),
            tags=draw(st.lists(st.sampled_from(["x", "y"]), unique=True)),
            weight=draw(st.integers(1, 5)),
        )
        fleet.append(with_verdict(record, draw(st.sampled_from([GOOD, BAD])), NOW))
    return fleet


@given(
    fleets(),
    st.lists(st.sampled_from(["x", "y"]), unique=True),
    st.sampled_from(["", "a", "b"]),
    st.none() | st.integers(0, 9),
    st.sampled_from(["", "me"]),
)
async def test_the_explanation_and_the_answer_never_disagree(fleet, tags, zone, limit, seed):
    view = await view_of(*fleet)
    query = asking(tags=tuple(tags), zone=zone, limit=limit, seed=seed)
    whole = explain(view, query, NOW)
    assert answer(view, query, NOW).decisions == tuple(decision for decision in whole.decisions if decision.returned)
    assert sorted(ids(whole)) == sorted(record.id for record in fleet)
    assert all(decision.status in query.statuses for decision in whole.decisions if decision.returned)
