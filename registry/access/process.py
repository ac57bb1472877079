"""The table of tokens of this process, and the thread that keeps it fresh."""

import contextlib
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import structlog
from django.conf import settings

from catalog.errors import Unavailable
from registry import valkey
from registry.access.table import FILE_NAME, Entry, TokenTable
from registry.database import as_a_request, unavailable
from registry.models import Token

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0  # seconds between looks at the database when no doorbell rings
NOTE_USE_EVERY = 60.0  # seconds between writes of when tokens were last used


@lru_cache(maxsize=1)
def process_table() -> TokenTable:
    """The one table of this process. It holds what the file kept until it is reloaded: see `start_refreshing`.

    Requests without a token are let in when MERIDIAN_AUTH is off, which only loopback allows.
    """
    region = settings.MERIDIAN
    table = TokenTable(is_open=not region.auth, read=read_entries, path=region.data / FILE_NAME)
    table.load_file()
    return table


def read_entries() -> Iterable[Entry]:
    """The entries of the database; raises Unavailable."""
    with unavailable("the tokens cannot be read"):
        return [_entry(token) for token in Token.objects.all()]


def ring() -> None:
    """Tell the other processes that a token came or went. Losing this costs a few seconds."""
    try:
        with valkey.reaching("the doorbell of the tokens"):
            valkey.connection().publish(_channel(), "changed")
    except Unavailable as error:
        log.warning("the other processes will notice the token later", error=str(error))


class Refresher:
    """A daemon thread that reloads a table when the doorbell rings, and every few seconds in any case."""

    def __init__(self, table: TokenTable) -> None:
        self._table = table
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tokens", daemon=True)
        self._noted_at = 0.0

    def start(self) -> None:
        """Begin; the first reload happens on the thread, so starting never waits for the database."""
        self._thread.start()

    def stop(self) -> None:
        """End within about a second."""
        self._stopping.set()
        self._thread.join(timeout=2 * LOOK_EVERY)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with valkey.reaching("the doorbell of the tokens"):
                    self._look_when_rung()
            except Unavailable:
                self._look()
                self._stopping.wait(LOOK_EVERY)  # without a doorbell the clock rings

    def _look_when_rung(self) -> None:
        with valkey.connection().pubsub(ignore_subscribe_messages=True) as bell:  # type: ignore[no-untyped-call]
            bell.subscribe(_channel())
            while not self._stopping.is_set():
                self._look()
                for _ in range(int(LOOK_EVERY)):
                    if self._stopping.is_set() or bell.get_message(timeout=1.0):
                        break

    def _look(self) -> None:
        with as_a_request(), contextlib.suppress(Unavailable):  # what is known still counts
            self._table.reload()
            self._note_use()

    def _note_use(self) -> None:
        now = datetime.now(UTC).timestamp()
        if now - self._noted_at < NOTE_USE_EVERY:
            return
        self._noted_at = now
        with unavailable("the tokens cannot be written"):
            note_use(self._table.take_used())


def note_use(used: dict[str, float]) -> None:
    """Write down when tokens were last presented, given by id in seconds since the epoch."""
    for token_id, moment in used.items():
        Token.objects.filter(id=token_id).update(last_used_at=datetime.fromtimestamp(moment, UTC))


def any_tokens() -> bool:
    """Whether there is a usable token, as far as database or file tell: asked before listening off loopback."""
    table = process_table()
    table.reload_if_older(LOOK_EVERY)
    return table.any_tokens()


def start_refreshing(table: TokenTable) -> Refresher:
    """Keep a table fresh in the background until the returned refresher is stopped or the process ends."""
    refresher = Refresher(table)
    refresher.start()
    return refresher


def _channel() -> str:
    return valkey.key(settings.MERIDIAN.region, "tokens")


def _entry(token: Token) -> Entry:
    return Entry(
        id=token.id,
        name=token.name,
        hash=token.hash,
        scopes=tuple(token.scopes.split()),
        expires_at=token.expires_at.timestamp() if token.expires_at else None,
        revoked_at=token.revoked_at.timestamp() if token.revoked_at else None,
    )
