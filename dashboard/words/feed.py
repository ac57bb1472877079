"""The feed: what has happened in the last hour, newest first, with what one instance says again and again folded up."""

from collections.abc import Iterable, Iterator

import msgspec

from catalog.change import Change
from dashboard.memory.recent import Entry
from dashboard.words.sentences import Sentence, sentence

SHOWN = 40
HORIZON = 3600.0  # seconds
NEAR = 120.0  # seconds between two entries of one instance that are folded
NOISE = frozenset({"report", "expire", "revive"})  # verbs of which one instance can make many


class FeedItem(msgspec.Struct):
    """One row: the newest of `count` entries that say much the same; the oldest was at `since`."""

    entry: Entry
    count: int
    since: float

    @property
    def change(self) -> Change:
        """The newest change."""
        return self.entry.change

    @property
    def key(self) -> str:
        """Of the row."""
        return f"{self.change.region}:{self.change.index}"

    @property
    def sentence(self) -> Sentence:
        """What it says."""
        return sentence(self.change, self.entry.before)


def feed(entries: Iterable[Entry], now: float, *, most: int = SHOWN) -> list[FeedItem]:
    """The items of the entries, which come newest first."""
    items: list[FeedItem] = []
    open_items: dict[tuple[str, str], FeedItem] = {}
    for entry in _late(entries, now):
        change = entry.change
        name, group = (change.region, change.key), _group(entry)
        last = open_items.get(name)
        if last is not None and group == _group(last.entry) and last.since - change.at <= NEAR:
            last.count, last.since = last.count + 1, change.at
            continue
        if len(items) == most:
            break
        item = FeedItem(entry, 1, change.at)
        items.append(item)
        if group:
            open_items[name] = item
        else:
            open_items.pop(name, None)
    return items


def _group(entry: Entry) -> str:
    """Entries of one instance that are of the same group are folded."""
    if entry.change.verb in NOISE:
        return "noise"
    return "again" if entry.change.verb == "register" and entry.before is not None else ""


def _late(entries: Iterable[Entry], now: float) -> Iterator[Entry]:
    return (entry for entry in entries if now - entry.change.at <= HORIZON)
