"""The federation's matrix and a region's page: from memory, with what was told kept and its age said."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from catalog.digest import to_hex
from catalog.view import Freshness
from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered
from dashboard.memory.links import sample
from dashboard.pages.federation import FederationPage
from dashboard.pages.peer import PeerPage
from federation.status import Cell, Matrix, PeerStatus
from registry.freshness import MirrorStatus
from tests.harness.dashboard.pages import Desk, text
from tests.harness.federated import HOME, SOUTH, WEST, copy, sick
from tests.harness.records import NOW

WEB = copy(WEST, "web-1")


def cell(by: str = WEST, of: str = SOUTH, **fields: Any) -> Cell:
    given = {"index": 5, "known": 5, "entries": 0, "seconds": 0.0, "freshness": "live"}
    return Cell(by=by, of=of, **{**given, **fields})


def peer(region: str = WEST, **fields: Any) -> PeerStatus:
    given = {
        "url": f"http://{region}:8500",
        "state": "active",
        "since": NOW,
        "by": "admin:alice@::1/admin",
        "writes": True,
    }
    return PeerStatus(region=region, **{**given, **fields})


def told(*cells: Cell, peers: tuple[PeerStatus, ...] = (), unheard: tuple[str, ...] = ()) -> Matrix:
    return Matrix(region=HOME, regions=(HOME, SOUTH, WEST), cells=cells, peers=peers, unheard=unheard)


def hear(desk: Desk, **fields: Any) -> None:
    """What the follower of eu-west says of it."""
    mirrors = {WEST: MirrorStatus(region=WEST, **{"last_contact": desk.now, "path": (WEST,), **fields})}
    sample(desk.board.links, desk.view, HOME, lag=lambda name: 3.0, mirror=mirrors.get, now=desk.now)


def shown(desk: Desk, value: Matrix | None = None, *, problem: str = "", ago: float = 0.0) -> Content:
    asked = Gathered(value, desk.now - ago if value else None, problem)
    return FederationPage(desk.board, {}, {}).content(asked, desk.now)


def page(desk: Desk, region: str = WEST, **query: str) -> PeerPage:
    return PeerPage(desk.board, {"region": region}, query)


def opened(desk: Desk, value: Matrix | None = None, *, region: str = WEST, problem: str = "") -> Content:
    asked = Gathered(value, desk.now if value else None, problem)
    return page(desk, region).content(asked, desk.now)


def test_the_own_row_is_there_before_anybody_was_asked() -> None:
    rows = shown(Desk(WEB)).lists["federation-matrix"]
    assert list(rows) == [HOME]
    assert "its own log" in rows[HOME]
    assert "no lag" in rows[HOME]


def test_the_rows_of_others_are_what_they_said() -> None:
    rows = shown(Desk(WEB), told(cell(index=40, known=52, entries=12, seconds=3.25))).lists["federation-matrix"]
    assert "12 entries, 3.25 s" in rows[WEST]
    assert "of 52" in rows[WEST]
    assert "unknown" in rows[SOUTH]


def test_the_own_row_is_from_memory_even_when_others_told_it_otherwise() -> None:
    old = cell(by=HOME, of=WEST, index=999, known=999)
    assert "999" not in shown(Desk(WEB), told(old)).lists["federation-matrix"][HOME]


def test_entries_behind_are_counted_from_what_the_follower_heard() -> None:
    desk = Desk(WEB)
    hear(desk, known=8)
    assert "7 entries" in shown(desk).lists["federation-matrix"][HOME]


def test_a_copy_at_the_same_index_is_compared_by_its_digest() -> None:
    desk = Desk(WEB)
    part = desk.view.region(WEST)
    assert part.position is not None
    head = cell(by=WEST, of=WEST, index=part.index, log_id=part.position.log_id, digest=to_hex(part.digest))
    assert "= verified" in shown(desk, told(head)).lists["federation-matrix"][HOME]


def test_a_copy_at_the_same_index_with_another_digest_differs() -> None:
    desk = Desk(WEB)
    part = desk.view.region(WEST)
    assert part.position is not None
    head = cell(by=WEST, of=WEST, index=part.index, log_id=part.position.log_id, digest="00")
    assert "≠ diverged" in shown(desk, told(head)).lists["federation-matrix"][HOME]


def test_what_was_never_compared_says_so() -> None:
    assert "not verified yet" in shown(Desk(WEB)).lists["federation-matrix"][HOME]


def test_a_copy_that_differs_names_the_services() -> None:
    row = shown(Desk(WEB), told(cell(equal=False, diverged=("default/web",)))).lists["federation-matrix"][WEST]
    assert "≠ diverged in default/web" in row


def test_a_relayed_log_names_the_way() -> None:
    desk = Desk(WEB)
    hear(desk, path=(WEST, SOUTH))
    assert f"via {SOUTH}" in shown(desk).lists["federation-matrix"][HOME]


def test_a_held_copy_says_what_is_held() -> None:
    row = shown(Desk(WEB), told(cell(held="90 of 100 would go"))).lists["federation-matrix"][WEST]
    assert "held: 90 of 100 would go" in row


def test_a_region_that_went_stale_is_seen_at_once() -> None:
    desk = Desk(WEB)
    desk.view.freshen(WEST, Freshness(FreshnessState.STALE, NOW - 30))
    content = shown(desk, told())
    assert "30 s" in content.lists["federation-matrix"][HOME]
    assert "1 is not live" in text(content, "federation-said")


def test_when_all_is_well_one_sentence_says_it() -> None:
    assert "All 3 mirrors are live and up to date." in text(shown(Desk(WEB), told(cell())), "federation-said")


def test_peers_are_listed_with_what_is_known_of_them() -> None:
    trusted = peer(resets=3, relays=2, divergences=1, verified_at=NOW - 60, delay=0.04)
    row = shown(Desk(WEB), told(peers=(trusted,))).lists["federation-peers"][WEST]
    for said in ("active", "40 ms", ">3<", ">2<", ">1<", "http://eu-west:8500", f'href="/dashboard/federation/{WEST}"'):
        assert said in row


def test_a_region_without_peers_is_told_how_to_get_one() -> None:
    desk = Desk()
    for region in (WEST, SOUTH):
        desk.view.forget(region)
    alone = Matrix(region=HOME, regions=(HOME,), cells=(), peers=())
    assert "peer invite" in text(shown(desk, alone), "federation-alone")


def test_what_was_told_stays_while_nobody_can_be_asked_and_says_as_of_when() -> None:
    content = shown(Desk(WEB), told(cell(), peers=(peer(),)), problem="the database cannot be used", ago=60)
    assert WEST in content.lists["federation-matrix"]
    assert WEST in content.lists["federation-peers"]
    said = text(content, "federation-told")
    assert "as of <time" in said
    assert "the database cannot be used" in said


def test_what_was_never_told_says_why() -> None:
    assert "Other regions and peers unknown: gone" in text(shown(Desk(WEB), problem="gone"), "federation-told")


ASKING = """
import django, os, sys, time
django.setup()
from catalog.view import View
from dashboard.memory.board import Board
from dashboard.live.page import gathered
from dashboard.pages.federation import FederationPage
from dashboard.pages.overview import OverviewPage
from dashboard.pages.peer import PeerPage
board = Board("us-east", View(clock=time.time), clock=time.time)
for page in (OverviewPage, FederationPage, PeerPage):
    found = gathered(page(board, {"region": "us-east"}, {}), time.time())
    print(page.__name__, found.value, found.problem)
    page(board, {"region": "us-east"}, {}).content(found, time.time())
"""


def test_pages_of_a_process_without_database_and_valkey_say_what_they_do_not_know(tmp_path: Path) -> None:
    away = {
        "DJANGO_SETTINGS_MODULE": "config.settings", "MERIDIAN_DATA": str(tmp_path),
        "MERIDIAN_DATABASE_URL": f"sqlite:///{tmp_path / 'nowhere' / 'x.sqlite3'}",
        "MERIDIAN_VALKEY_URL": "redis://127.0.0.1:1/0", "MERIDIAN_SECRET_KEY": "x" * 50,
    }  # fmt: skip
    command = [sys.executable, "-c", ASKING]
    ended = subprocess.run(command, env={**os.environ, **away}, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    pages = ["OverviewPage", "FederationPage", "PeerPage"]
    assert [line.split()[:2] for line in lines] == [[name, "None"] for name in pages]
    assert all("unable to open database file" in line for line in lines)


def test_a_peer_that_is_not_heard_lately_is_marked() -> None:
    assert "unreachable" in shown(Desk(WEB), told(unheard=(SOUTH,))).lists["federation-matrix"][SOUTH]


def test_words_with_markup_are_shown_as_text() -> None:
    desk = Desk(WEB)
    hear(desk, reason="<img src=x>")
    bad = told(cell(held="<b>held</b>"), peers=(peer(url="http://<i>x</i>"),))
    for content in (shown(desk, bad, problem="<u>gone</u>"), opened(desk, bad, problem="<u>gone</u>")):
        parts = [*content.fragments.values(), *(row for rows in content.lists.values() for row in rows.values())]
        assert not any(mark in part for part in parts for mark in ("<img", "<b>", "<i>", "<u>"))


def test_a_region_has_a_page_with_its_catalog() -> None:
    catalog = text(opened(Desk(WEB, sick(copy(WEST, "x-1", service="x")))), "peer-catalog")
    assert ">2 services</a>, 2 instances, 1 serving" in catalog
    assert "1 service not serving here" in catalog


def test_a_region_that_was_never_heard_is_not_called_empty() -> None:
    desk = Desk()
    desk.view.forget(WEST)
    desk.view.freshen(WEST, Freshness(FreshnessState.UNKNOWN))
    assert "unknown, not empty" in text(opened(desk), "peer-catalog")


def test_the_link_is_drawn_from_its_history() -> None:
    desk = Desk(WEB)
    for _ in range(5):
        hear(desk, delay=0.04)
        desk.now += 2
    assert "delay 40 ms to 40 ms" in text(opened(desk), "peer-link")


def test_events_of_the_link_are_told() -> None:
    desk = Desk(WEB)
    hear(desk)
    desk.view.freshen(WEST, Freshness(FreshnessState.STALE, NOW))
    hear(desk, reason="connection refused")
    assert "went stale: connection refused" in "".join(opened(desk).lists["peer-events"].values())


def test_a_link_to_which_nothing_happened_says_so() -> None:
    assert "No events since this server started" in text(opened(Desk(WEB)), "peer-quiet")


def test_who_holds_a_regions_log_is_told_with_what_others_say() -> None:
    held = text(opened(Desk(WEB), told(cell(by=SOUTH, of=WEST, entries=2, index=3))), "peer-mirror")
    assert held.index(SOUTH) < held.index(HOME)
    assert "2 entries" in held


def test_the_facts_of_a_peer_are_told() -> None:
    facts = text(opened(Desk(WEB), told(peers=(peer(held="9 of 10", held_until=NOW + 60),))), "peer-facts")
    assert "by admin:alice" in facts
    assert "9 of 10" in facts


def test_the_page_of_this_region_draws_no_link() -> None:
    content = opened(Desk(copy(HOME, "web-1")), region=HOME)
    assert text(content, "peer-link") == ""
    assert "this region" in text(content, "peer-standing")


def test_a_region_nobody_knows_is_not_found_and_says_what_is_near() -> None:
    wrong = page(Desk(WEB), "eu-wset")
    assert not wrong.found()
    assert wrong.similar()[0] == WEST


def test_with_nothing_near_all_regions_are_named() -> None:
    assert page(Desk(WEB), "zzz").similar() == sorted([HOME, SOUTH, WEST])


def test_a_peer_that_was_only_invited_has_a_page() -> None:
    desk = Desk(WEB)
    desk.board.links.peers = frozenset({"sa-east"})
    assert page(desk, "sa-east").found()


def test_evacuating_leads_to_the_correction_of_the_whole_region() -> None:
    found = page(Desk(WEB)).context()["evacuate"]
    assert found == f"/dashboard/correct/override?scope=region&target={WEST}&do=out"


def test_a_span_that_there_is_not_is_the_shortest() -> None:
    assert [page(Desk(WEB), span=span).span for span in ("6h", "<b>")] == ["6h", "30m"]
