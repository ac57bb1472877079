"""The content of a page, in parts that a browser can replace one by one.

A part is a *fragment*, the inside of one element of the page, or a *row* of a list whose rows have keys. The first
paint and the messages that keep the page up to date carry the same HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


class Content(msgspec.Struct, frozen=True):
    """Fragments by the id of their element; lists by the id of theirs, each with its rows by key, in order."""

    fragments: Mapping[str, str]
    lists: Mapping[str, Mapping[str, str]] = {}


EMPTY = Content({})


@dataclass(frozen=True, slots=True)
class Version:
    """A page's content, and for each part the number of the version in which it last changed.

    A browser that has version 7 is sent what has changed since, however much it missed.
    """

    number: int = 0
    content: Content = EMPTY
    _fragments: Mapping[str, int] = field(default_factory=dict)
    _rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _orders: Mapping[str, int] = field(default_factory=dict)

    def next(self, content: Content) -> "Version":
        """The version after this one; this one itself when nothing has changed."""
        number = self.number + 1
        fragments = _changed_in(self._fragments, self.content.fragments, content.fragments, number)
        rows, orders = {}, {}
        for id, now in content.lists.items():
            before = self.content.lists.get(id)
            rows[id] = _changed_in(self._rows.get(id, {}), before or {}, now, number)
            orders[id] = self._orders[id] if before is not None and list(before) == list(now) else number
        newest = (*fragments.values(), *orders.values(), *(at for list_ in rows.values() for at in list_.values()))
        return Version(number, content, fragments, rows, orders) if number in newest else self

    def since(self, number: int) -> dict[str, Any]:
        """The parts that changed after the version of this number; all of them after 0."""
        lists: dict[str, Any] = {}
        for id, rows in self.content.lists.items():
            put = {key: _plain(rows[key]) for key, at in self._rows[id].items() if at > number}
            order = {"order": list(rows)} if self._orders[id] > number else {}
            if put or order:
                lists[id] = {"put": put, **order}
        fragments = {id: _plain(html) for id, html in self.content.fragments.items() if self._fragments[id] > number}
        return {"fragments": fragments, "lists": lists}


def _changed_in(
    known: Mapping[str, int], before: Mapping[str, str], now: Mapping[str, str], number: int
) -> dict[str, int]:
    return {key: known[key] if before.get(key) == html else number for key, html in now.items()}


def _plain(html: str) -> str:
    """The text as a plain `str`: the encoder knows none of its subclasses, such as Django's."""
    return html[:]
