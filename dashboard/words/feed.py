"""The feed: the changes of the last hour, newest first, with repeated reports of one instance folded into one row."""

from collections.abc import Iterable

import msgspec

from catalog.change import Change
from dashboard.words.sentences import Sentence, sentence
from registry.log.history import Entry

SHOWN = 40
HORIZON = 3600.0  # seconds
NEAR = 120.0  # seconds between two entries of one instance that are folded
REPEATED = frozenset({"report", "expire", "revive"})  # verbs that one instance can cause many times


class FeedItem(msgspec.Struct):
    """One row: the newest of `count` similar entries; the oldest was at `since`."""

    entry: Entry
    count: int
    since: float

    @property
    def change(self) -> Change:
        """The newest change."""
        return self.entry.change

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.change.region}:{self.change.index}"

    @property
    def sentence(self) -> Sentence:
        """The newest change as a sentence."""
        return sentence(self.change, self.entry.before)


def feed(entries: Iterable[Entry], now: float, *, most: int = SHOWN) -> list[FeedItem]:
    """The items of entries that come newest first."""
    items: list[FeedItem] = []
    open_items: dict[tuple[str, str], FeedItem] = {}
    for entry in entries:
        if now - entry.change.at > HORIZON:
            continue
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
    """Entries of one instance and the same group are folded."""
    if entry.change.verb in REPEATED:
        return "report"
    return "again" if entry.change.verb == "register" and entry.before is not None else ""
