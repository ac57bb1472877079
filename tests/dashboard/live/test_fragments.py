"""Editions of a sheet: a browser with any version is brought up to date by what has changed since."""

from typing import Any

import msgspec
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.fragments import Edition, Sheet

html = st.sampled_from(["<b>1</b>", "<b>2</b>", "<b>3</b>"])
keys = st.sampled_from("abcdef")
sheets = st.builds(
    lambda head, rows: Sheet({"head": head, "foot": "always"}, {"list": dict(rows)}),
    html,
    st.lists(st.tuples(keys, html), max_size=6, unique_by=lambda pair: pair[0]),
)


class Browser:
    """What dashboard/static/dashboard/patch.js does with messages, in a few lines."""

    def __init__(self) -> None:
        self.fragments: dict[str, str] = {}
        self.rows: dict[str, str] = {}

    def take(self, patch: dict[str, Any]) -> None:
        self.fragments |= patch["fragments"]
        rows = patch["lists"].get("list", {"put": {}})
        self.rows |= rows["put"]
        if "order" in rows:
            self.rows = {key: self.rows[key] for key in rows["order"]}

    def shows(self, sheet: Sheet) -> bool:
        return self.fragments == sheet.fragments and list(self.rows.items()) == list(sheet.lists["list"].items())


@given(st.lists(sheets, min_size=1, max_size=8), st.data())
def test_whoever_missed_some_versions_is_brought_up_to_date(history: list[Sheet], data: st.DataObject) -> None:
    browser, has, edition = Browser(), 0, Edition()
    for sheet in history:
        edition = edition.next(sheet)
        if data.draw(st.booleans()):
            browser.take(edition.since(has))
            has = edition.version
            assert browser.shows(sheet)


@given(sheets, sheets)
def test_a_version_is_new_only_when_something_differs(one: Sheet, other: Sheet) -> None:
    edition = Edition().next(one)
    differs = one.fragments != other.fragments or list(one.lists["list"].items()) != list(other.lists["list"].items())
    assert (edition.next(other) is not edition) == differs


def test_what_templates_have_rendered_can_be_encoded() -> None:
    edition = Edition().next(Sheet({"head": SafeString("<b>x</b>")}, {"list": {"a": SafeString("<i>y</i>")}}))
    assert msgspec.json.decode(msgspec.json.encode(edition.since(0)))["fragments"] == {"head": "<b>x</b>"}


def test_only_the_row_that_changed_is_sent() -> None:
    first = Edition().next(Sheet({"head": "x"}, {"list": {"a": "1", "b": "2"}}))
    second = first.next(Sheet({"head": "x"}, {"list": {"a": "1", "b": "3"}}))
    assert second.since(first.version) == {"fragments": {}, "lists": {"list": {"put": {"b": "3"}}}}


def test_a_row_that_is_gone_is_told_by_the_order_of_those_that_are_left() -> None:
    first = Edition().next(Sheet({}, {"list": {"a": "1", "b": "2"}}))
    second = first.next(Sheet({}, {"list": {"b": "2"}}))
    assert second.since(first.version)["lists"] == {"list": {"put": {}, "order": ["b"]}}
