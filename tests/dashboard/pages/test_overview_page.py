"""The overview: regions, what needs attention, recent changes. From memory, whatever else is away."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from catalog.breaker import Kind
from catalog.errors import Unavailable
from catalog.records.instance import Instance
from catalog.records.override import Scope
from catalog.records.status import Status
from catalog.view import Freshness
from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered
from dashboard.memory.links import sample
from dashboard.pages.overview import OverviewFacts, OverviewPage
from dashboard.pictures.map.region import Coordinates
from dashboard.words.attention import FLAPPING, MOST, OpenHold
from federation.status import Cell, Matrix, PeerStatus
from registry.freshness import MirrorStatus
from tests.harness.dashboard.pages import Desk, text
from tests.harness.federated import HOME, SOUTH, WEST, copy, sick, well
from tests.harness.records import NOW, override

WEB = copy(HOME, "web-1")


def told(
    *,
    holds: Iterable[OpenHold] = (),
    cells: Iterable[Cell] = (),
    peers: Iterable[PeerStatus] = (),
    places: dict[str, Coordinates] | None = None,
) -> OverviewFacts:
    matrix = Matrix(
        region=HOME, regions=(HOME, WEST, SOUTH), cells=tuple(cells), peers=tuple(peers),
        places=places or {},
    )  # fmt: skip
    return OverviewFacts(matrix, tuple(holds), ())


def shown(desk: Desk, value: OverviewFacts | None = None, *, problem: str = "") -> Content:
    gathered = Gathered(value, desk.now if value else None, problem)
    return OverviewPage(desk.board, {}, {}).content(gathered, desk.now)


def needed(desk: Desk, value: OverviewFacts | None = None) -> dict[str, str]:
    return dict(shown(desk, value).lists["overview-needs"])


def peer(region: str = WEST, **fields: Any) -> PeerStatus:
    given = {"url": "http://x", "state": "active", "since": NOW, "by": "admin:alice@::1/admin", "writes": True}
    return PeerStatus(region=region, **{**given, **fields})


def hear(desk: Desk, region: str, **fields: Any) -> None:
    """Say what the follower of a region says of it."""
    mirrors = {region: MirrorStatus(region=region, last_contact=desk.now, path=(region,), **fields)}
    sample(desk.board.links, desk.view, HOME, lag=lambda name: 0.0, mirror=mirrors.get, now=desk.now)


def test_counts_of_all_regions_are_added_up() -> None:
    totals = text(shown(Desk(WEB, sick(copy(WEST, "web-2")))), "overview-totals")
    assert '<a href="/dashboard/services?status=critical">1</a>' in totals
    assert "1 serving</span>" in totals


def test_each_region_is_a_row_with_its_counts() -> None:
    rows = shown(Desk(WEB, sick(copy(WEST, "web-2")))).lists["overview-regions"]
    assert list(rows) == [HOME, SOUTH, WEST]
    assert "1 critical" in rows[WEST]
    assert "1 passing" in rows[HOME]
    assert "no instances" in rows[SOUTH]


def test_regions_without_coordinates_are_no_map() -> None:
    assert "Not a map" in text(shown(Desk(WEB)), "overview-picture")


def test_regions_with_coordinates_are_a_map() -> None:
    places = {HOME: (38.9, -77.4), WEST: (53.3, -6.2), SOUTH: (19.1, 72.9)}
    picture = text(shown(Desk(WEB), told(places=places)), "overview-picture")
    assert "/dashboard/land.svg#land" in picture
    assert "Not a map" not in picture


def test_calm_is_said_in_a_sentence() -> None:
    content = shown(Desk(WEB), told())
    assert not content.lists["overview-needs"]
    assert "Healthy: every service is serving" in text(content, "overview-calm")


def test_nothing_registered_says_what_to_do_next() -> None:
    assert "curl -X PUT" in text(shown(Desk()), "overview-next")


def test_what_to_do_next_goes_when_something_is_registered() -> None:
    assert text(shown(Desk(WEB)), "overview-next") == ""


def test_a_service_that_nobody_serves_is_critical() -> None:
    row = needed(Desk(sick(WEB)))["service:default/web"]
    assert 'class="need critical"' in row
    assert 'href="/dashboard/services/default/web"' in row


def test_a_service_that_others_serve_says_where_it_is_missing() -> None:
    row = needed(Desk(sick(WEB), copy(WEST, "web-2")))["service:default/web"]
    assert 'class="need warning"' in row
    assert f"is serving in {HOME}" in row
    assert "1 serving elsewhere" in row


def test_a_service_that_was_taken_out_says_so() -> None:
    desk = Desk(WEB, override(Scope.SERVICE, service="web", expires_at=NOW + 7200))
    assert "1 taken out by override" in needed(desk)["service:default/web"]


@pytest.mark.parametrize(
    ("state", "said"), [(FreshnessState.STALE, "is stale"), (FreshnessState.UNKNOWN, "has never been reached")]
)
def test_a_region_that_is_not_live_needs_attention(state: FreshnessState, said: str) -> None:
    desk = Desk(WEB)
    desk.view.freshen(WEST, Freshness(state, NOW - 30 if state is FreshnessState.STALE else None))
    assert said in needed(desk)[f"region:{WEST}"]


def test_a_region_whose_own_database_is_away_says_that_it_is_from_memory() -> None:
    desk = Desk(WEB)
    desk.view.lost(HOME, Unavailable("gone"))
    assert "from memory" in needed(desk)[f"region:{HOME}"]


def test_what_the_breaker_holds_needs_a_decision() -> None:
    hold = OpenHold(
        id="h1", kind=Kind.EXPIRY.value, scope="service", name="web", formula="9 of 10 within 1 min", number=9, at=NOW,
        expires_at=NOW + 3600,
    )  # fmt: skip
    row = needed(Desk(WEB), told(holds=[hold]))["hold:h1"]
    assert "Expiry of 9 instances held" in row
    assert "9 of 10 within 1 min" in row
    assert 'href="/dashboard/held"' in row


def test_a_held_mirror_needs_a_decision() -> None:
    desk = Desk(WEB)
    hear(desk, WEST, held="90 of 100 would go")
    assert "90 of 100 would go" in needed(desk)[f"mirror-held:{WEST}"]


def test_a_mirror_that_differs_names_the_services() -> None:
    desk = Desk(WEB)
    hear(desk, WEST, equal=False, diverged=("default/web",))
    assert "in default/web" in needed(desk)[f"diverged:{HOME}:{WEST}"]


def test_a_copy_that_differs_elsewhere_is_seen_here() -> None:
    cell = Cell(by=WEST, of=HOME, index=1, known=1, entries=0, seconds=0.0, freshness="live", equal=False)
    assert f"diverged:{WEST}:{HOME}" in needed(Desk(WEB), told(cells=[cell]))


@pytest.mark.parametrize(
    ("expires_at", "shown_"), [(NOW + 600, True), (None, True), (NOW + 7200, False), (NOW - 1, False)]
)
def test_overrides_that_end_soon_or_never_are_named(expires_at: float | None, shown_: bool) -> None:
    word = override(Scope.ZONE, zone="a", weight=0, expires_at=expires_at)
    assert (f"override:{HOME}:o-1" in needed(Desk(WEB, word))) is shown_


def flapping(desk: Desk, times: int) -> None:
    for number in range(times):
        desk.put(sick(WEB) if number % 2 == 0 else well(sick(WEB), since=NOW), verb="report")


def test_an_instance_that_changes_its_mind_too_often_flaps() -> None:
    desk = Desk(WEB)
    flapping(desk, FLAPPING)
    assert f"{FLAPPING} status changes in 10 min" in needed(desk)[f"flapping:{HOME}:{WEB.key}"]


def test_an_instance_that_registers_again_and_again_does_not_flap() -> None:
    desk = Desk(WEB)
    for number in range(2 * FLAPPING):
        status = Status.UNKNOWN if number % 2 == 0 else Status.PASSING
        desk.put(msgspec.structs.replace(WEB, status=status))
    assert f"flapping:{HOME}:{WEB.key}" not in needed(desk)


def test_an_instance_that_changed_its_mind_once_or_twice_does_not_flap() -> None:
    desk = Desk(WEB)
    flapping(desk, FLAPPING - 1)
    assert f"flapping:{HOME}:{WEB.key}" not in needed(desk)


def test_a_revoked_peer_is_named() -> None:
    assert "is revoked" in needed(Desk(WEB), told(peers=[peer(state="revoked")]))[f"revoked:{WEST}"]


def test_the_gravest_comes_first() -> None:
    desk = Desk(sick(WEB), override(Scope.ZONE, zone="a", weight=0))
    assert [key.partition(":")[0] for key in needed(desk)] == ["service", "override"]


def test_many_of_a_kind_are_counted() -> None:
    desk = Desk(*(sick(copy(HOME, "x-1", service=f"s{number}")) for number in range(MOST + 5)))
    rows = needed(desk)
    assert len(rows) == MOST + 1
    assert "and 5 more" in rows["service:more"]


def test_what_happened_is_told_newest_first() -> None:
    desk = Desk()
    desk.put(WEB, verb="register", actor="token:ci@10.0.0.7/http")
    desk.put(sick(WEB), verb="expire", actor="worker:leases")
    rows = list(shown(desk).lists["overview-feed"].values())
    assert [("turned" in row, "registered" in row) for row in rows] == [(True, False), (False, True)]
    assert "token ci" in rows[1]


def test_what_one_instance_says_again_and_again_is_one_row() -> None:
    desk = Desk(WEB)
    flapping(desk, 5)
    rows = list(shown(desk).lists["overview-feed"].values())
    assert len(rows) == 2
    assert "5 times since" in rows[0]


def test_the_feed_forgets_what_is_older_than_an_hour() -> None:
    desk = Desk(WEB)
    desk.now += 3601
    content = shown(desk)
    assert not content.lists["overview-feed"]
    assert "No changes in the last hour" in text(content, "overview-still")


def test_the_feed_is_not_endless() -> None:
    desk = Desk(*(copy(HOME, f"web-{number}") for number in range(60)))
    assert len(shown(desk).lists["overview-feed"]) == 40


def test_names_with_markup_are_shown_as_text() -> None:
    word = override(Scope.TAG, tag="<b>x</b>", reason="<script>alert(1)</script>", weight=0)
    content = shown(Desk(WEB, word))
    whole = "".join([*content.fragments.values(), *(row for rows in content.lists.values() for row in rows.values())])
    assert "<script>" not in whole
    assert "<b>x" not in whole
    assert "&lt;script&gt;" in whole


def test_what_could_not_be_asked_is_said() -> None:
    calm = text(shown(Desk(WEB), problem="the database cannot be used"), "overview-calm")
    assert "Holds and peers unknown: the database cannot be used" in calm
    assert "Nothing in memory needs attention" in calm


def test_what_was_known_stays_when_it_cannot_be_asked_again() -> None:
    hold = OpenHold(id="h1", kind="probe", scope="region", name="", formula="f", number=9, at=NOW, expires_at=NOW + 60)
    content = shown(Desk(WEB), told(holds=[hold]), problem="the database cannot be used")
    assert "hold:h1" in content.lists["overview-needs"]
    assert "Holds and peers as of" in text(content, "overview-calm")


def test_a_row_that_did_not_change_is_drawn_the_same() -> None:
    desk = Desk(WEB)
    page = OverviewPage(desk.board, {}, {})
    before = page.content(Gathered(), desk.now).lists["overview-feed"]
    desk.put(_weighed(WEB), verb="register")
    after = page.content(Gathered(), desk.now).lists["overview-feed"]
    assert [after[key] is before[key] for key in before] == [True]


def _weighed(record: Instance) -> Instance:
    return msgspec.structs.replace(record, weight=7, status=Status.PASSING)


def test_an_evacuated_region_is_named_however_long_it_lasts() -> None:
    word = override(Scope.REGION, target=WEST, expires_at=NOW + 86400)
    assert "region" in needed(Desk(WEB, word))[f"override:{HOME}:o-1"]


def test_who_was_taken_out_is_not_counted_as_critical_too() -> None:
    desk = Desk(WEB, sick(copy(HOME, "web-2")), override(Scope.SERVICE, service="web", expires_at=NOW + 7200))
    assert "1 critical, 1 taken out by override" in needed(desk)["service:default/web"]
