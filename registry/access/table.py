"""The table of tokens: every token of the region in memory, so that asking needs neither database nor network."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from catalog.errors import Unauthenticated, Unavailable
from registry.access.grant import ANONYMOUS, Grant, Kind
from registry.access.secret import id_of, matches

FILE_NAME = "tokens.json"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A token as servers know it. Times are seconds since the epoch."""

    id: str
    name: str
    hash: str
    scopes: tuple[str, ...]
    expires_at: float | None = None
    revoked_at: float | None = None


_decoder = msgspec.json.Decoder(list[Entry])


class TokenTable:
    """Says who presents a token.

    `is_open` lets in requests without a token, with every right: for a region that only its own machine can reach. A
    token that *is* presented counts for what it is, there too. `read` gives the entries of the database and may raise
    Unavailable. The entries are kept in the file at `path`, hashes only, for a start without database.

    Threads may ask while another one replaces the entries: they are swapped as a whole.
    """

    def __init__(
        self,
        *,
        is_open: bool,
        read: Callable[[], Iterable[Entry]],
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.is_open = is_open
        self.version = 0
        self._read, self._path, self._clock = read, path, clock
        self._entries: dict[str, Entry] | None = None
        self._grants: dict[str, Grant] = {}
        self._tried_at = float("-inf")
        self._used: dict[str, float] = {}
        self._reloading = threading.Lock()

    def authenticate(self, secret: str | None) -> Grant:
        """Who presents `secret`.

        Raises Unauthenticated, saying why, and Unavailable when no entry was ever read. Expiry is judged at each call,
        so an answer kept for a token must be guarded by asking again; that costs about 3 microseconds.
        """
        if secret is None:
            if self.is_open:
                return ANONYMOUS
            raise Unauthenticated("this region needs a token: send the header 'Authorization: Bearer TOKEN'")
        if self._entries is None:
            raise Unavailable("tokens cannot be checked: the database is away and none are kept on disk")
        entry = self._entries.get(id_of(secret) or "")
        if entry is None or not matches(secret, entry.hash):
            raise Unauthenticated("the token is not known here")
        now = self._clock()
        if entry.revoked_at is not None:
            raise Unauthenticated(f"the token {entry.name} was revoked on {_spoken(entry.revoked_at)}")
        if entry.expires_at is not None and entry.expires_at <= now:
            raise Unauthenticated(f"the token {entry.name} has expired on {_spoken(entry.expires_at)}")
        self._used[entry.id] = now
        return self._grants[entry.id]

    def any_tokens(self) -> bool:
        """Whether there is a token that is good now."""
        now = self._clock()
        return any(
            entry.revoked_at is None and (entry.expires_at is None or entry.expires_at > now)
            for entry in (self._entries or {}).values()
        )

    def load_file(self) -> bool:
        """Take the entries kept on disk, for a start without database. Returns whether there were any to read."""
        if self._path is None:
            return False
        try:
            entries = _decoder.decode(self._path.read_bytes())
        except (OSError, msgspec.DecodeError):
            return False  # no file yet, or not one of ours: the database decides
        self._take(entries)
        return True

    def reload(self) -> None:
        """Take the entries of the database; raises Unavailable and keeps what is known when they cannot be read."""
        with self._reloading:
            self._tried_at = self._clock()
            entries = list(self._read())
            if self._take(entries):
                self._keep(entries)

    def reload_if_older(self, seconds: float) -> None:
        """The same, unless it was done or tried less than so many seconds ago; keeps what is known on failure."""
        if 0 <= self._clock() - self._tried_at < seconds:
            return
        with contextlib.suppress(Unavailable):  # what is known still counts
            self.reload()

    def take_used(self) -> dict[str, float]:
        """When which token was last presented, since the last time this was asked."""
        used, self._used = self._used, {}
        return used

    def _take(self, entries: list[Entry]) -> bool:
        known = {entry.id: entry for entry in entries}
        if known == self._entries:
            return False
        self._grants = {entry.id: Grant(Kind.TOKEN, entry.name, frozenset(entry.scopes)) for entry in entries}
        self._entries = known
        self.version += 1
        return True

    def _keep(self, entries: list[Entry]) -> None:
        if self._path is None or not self._path.parent.is_dir():
            return
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.{threading.get_ident()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(entries))
        draft.replace(self._path)


def _spoken(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
