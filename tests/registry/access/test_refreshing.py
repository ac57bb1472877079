"""The thread that keeps a table fresh: woken by the doorbell, by the clock otherwise, and calm when things are away."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from catalog.errors import Unauthenticated, Unavailable
from registry.access import Entry, TokenTable
from registry.access.issuing import create_token, revoke_token
from registry.access.process import Refresher, read_entries, ring, start_refreshing
from registry.access.secret import hashed, new_secret
from tests.harness.waiting import eventually

Start = Callable[[TokenTable], Refresher]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts refreshers, and stops them."""
    started: list[Refresher] = []

    def begin(table: TokenTable) -> Refresher:
        started.append(start_refreshing(table))
        return started[-1]

    yield begin
    for refresher in started:
        refresher.stop()


class Store:
    """The database's part, counted."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.reads = 0
        self.away = False

    def read(self) -> Iterable[Entry]:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        return list(self.entries)


@pytest.mark.usefixtures("valkey_url")
def test_a_ring_is_heard_long_before_the_clock(start: Start) -> None:
    store = Store()
    table = TokenTable(is_open=False, read=store.read)
    start(table)
    eventually(lambda: store.reads >= 1, within=5)
    token_id, secret = new_secret()
    store.entries = [Entry(id=token_id, name="ci", hash=hashed(secret), scopes=("read",))]
    ring()
    eventually(table.any_tokens, within=2)


def test_without_valkey_the_clock_rings(start: Start) -> None:
    store = Store()
    start(TokenTable(is_open=False, read=store.read))
    eventually(lambda: store.reads >= 2, within=15)


@pytest.mark.usefixtures("valkey_url")
def test_a_database_that_is_away_is_asked_again(start: Start) -> None:
    store = Store()
    store.away = True
    table = TokenTable(is_open=False, read=store.read)
    start(table)
    eventually(lambda: store.reads >= 1, within=5)
    store.away = False
    ring()
    eventually(lambda: not _is_unavailable(table), within=15)


def _is_unavailable(table: TokenTable) -> bool:
    try:
        table.authenticate("mrd_abcdefgh_x")
    except Unavailable:
        return True
    except Unauthenticated:
        return False
    return False


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("valkey_url")
def test_a_server_notices_a_new_token_and_its_end(start: Start, tmp_path: Path) -> None:
    server = TokenTable(is_open=False, read=read_entries, path=tmp_path / "tokens.json")
    start(server)
    token, secret = create_token("ci", ["read"], expires_in=None, actor="test", now=time.time())
    eventually(lambda: _is_good(server, secret), within=10)
    revoke_token(token.id, actor="test", now=time.time())
    eventually(lambda: not _is_good(server, secret), within=10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("valkey_url")
def test_when_a_token_was_used_is_written_down(start: Start) -> None:
    token, secret = create_token("ci", ["read"], expires_in=None, actor="test", now=time.time())
    server = TokenTable(is_open=False, read=read_entries)
    server.reload()
    server.authenticate(secret)
    start(server)

    def noted() -> bool:
        token.refresh_from_db()
        return token.last_used_at is not None

    eventually(noted, within=10)


def _is_good(table: TokenTable, secret: str) -> bool:
    try:
        table.authenticate(secret)
    except (Unauthenticated, Unavailable):
        return False
    return True
