"""Versions of a page: a browser with any version is brought up to date by what has changed since."""

from typing import Any

import msgspec
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.fragments import Content, Version

html = st.sampled_from(["<b>1</b>", "<b>2</b>", "<b>3</b>"])
keys = st.sampled_from("abcdef")
contents = st.builds(
    lambda head, rows: Content({"head": head, "foot": "always"}, {"list": dict(rows)}),
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

    def shows(self, content: Content) -> bool:
        return self.fragments == content.fragments and list(self.rows.items()) == list(content.lists["list"].items())


@given(st.lists(contents, min_size=1, max_size=8), st.data())
def test_whoever_missed_some_versions_is_brought_up_to_date(history: list[Content], data: st.DataObject) -> None:
    browser, has, version = Browser(), 0, Version()
    for content in history:
        version = version.next(content)
        if data.draw(st.booleans()):
            browser.take(version.since(has))
            has = version.number
            assert browser.shows(content)


@given(contents, contents)
def test_a_version_is_new_only_when_something_differs(one: Content, other: Content) -> None:
    version = Version().next(one)
    differs = one.fragments != other.fragments or list(one.lists["list"].items()) != list(other.lists["list"].items())
    assert (version.next(other) is not version) == differs


def test_what_templates_have_rendered_can_be_encoded() -> None:
    version = Version().next(Content({"head": SafeString("<b>x</b>")}, {"list": {"a": SafeString("<i>y</i>")}}))
    assert msgspec.json.decode(msgspec.json.encode(version.since(0)))["fragments"] == {"head": "<b>x</b>"}


def test_only_the_row_that_changed_is_sent() -> None:
    first = Version().next(Content({"head": "x"}, {"list": {"a": "1", "b": "2"}}))
    second = first.next(Content({"head": "x"}, {"list": {"a": "1", "b": "3"}}))
    assert second.since(first.number) == {"fragments": {}, "lists": {"list": {"put": {"b": "3"}}}}


def test_a_row_that_is_gone_is_told_by_the_order_of_those_that_are_left() -> None:
    first = Version().next(Content({}, {"list": {"a": "1", "b": "2"}}))
    second = first.next(Content({}, {"list": {"b": "2"}}))
    assert second.since(first.number)["lists"] == {"list": {"put": {}, "order": ["b"]}}
