"""A sheet: what a page shows, in parts that can be replaced one by one in a browser.

A part is a *fragment*, the inside of one element of the page, or a *row* of a list whose rows have keys. The same HTML
is in the page when it is first sent and in the messages that keep it up to date.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

Rows = Mapping[str, str]


class Sheet(msgspec.Struct, frozen=True):
    """Fragments by the id of their element; lists by the id of theirs, each with its rows by key, in order."""

    fragments: Mapping[str, str]
    lists: Mapping[str, Rows] = {}


NOTHING = Sheet({})


@dataclass(frozen=True, slots=True)
class Edition:
    """A sheet, and for each of its parts the version at which it last changed.

    A browser that has version 7 is sent what has changed since, whatever it was that it missed.
    """

    version: int = 0
    sheet: Sheet = NOTHING
    _fragments: Mapping[str, int] = field(default_factory=dict)
    _rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _orders: Mapping[str, int] = field(default_factory=dict)

    def next(self, sheet: Sheet) -> "Edition":
        """The edition after this one; this one itself when nothing has changed."""
        version = self.version + 1
        fragments = _versions(self._fragments, self.sheet.fragments, sheet.fragments, version)
        rows, orders = {}, {}
        for id, now in sheet.lists.items():
            before = self.sheet.lists.get(id)
            rows[id] = _versions(self._rows.get(id, {}), before or {}, now, version)
            orders[id] = self._orders[id] if before is not None and list(before) == list(now) else version
        newest = (*fragments.values(), *orders.values(), *(at for list_ in rows.values() for at in list_.values()))
        return Edition(version, sheet, fragments, rows, orders) if version in newest else self

    def since(self, version: int) -> dict[str, Any]:
        """The parts that changed after `version`; all of them after version 0."""
        lists: dict[str, Any] = {}
        for id, rows in self.sheet.lists.items():
            put = {key: _plain(rows[key]) for key, at in self._rows[id].items() if at > version}
            order = {"order": list(rows)} if self._orders[id] > version else {}
            if put or order:
                lists[id] = {"put": put, **order}
        fragments = {id: _plain(html) for id, html in self.sheet.fragments.items() if self._fragments[id] > version}
        return {"fragments": fragments, "lists": lists}


def _versions(
    known: Mapping[str, int], before: Mapping[str, str], now: Mapping[str, str], version: int
) -> dict[str, int]:
    return {key: known[key] if before.get(key) == html else version for key, html in now.items()}


def _plain(html: str) -> str:
    """The same text as a `str` and nothing more: the encoder knows none of its subclasses, such as Django's."""
    return html[:]
