"""Templates: what a line break in one means, how they are laid out, and that none of that reaches a browser."""

import re
from pathlib import Path

import pytest
from django.template import engines
from django.template.loader import render_to_string

from config.local.plan import BASE_DIR
from config.whitespace import collapsed
from dashboard.pages.overview import OverviewPage
from dashboard.pages.service.page import ServicePage
from scripts.templates import LIMIT, formatted
from tests.harness.dashboard.pages import Desk
from tests.harness.federated import WEST, copy

TEMPLATES = sorted(BASE_DIR.glob("*/templates/**/*.html"))
LONG = "word " * 29 + "word"
RULE = {
    "<ul>\n  <li>a</li>\n</ul>\n": "<ul><li>a</li></ul>",
    "<b>a</b>\n<b>b</b>": "<b>a</b><b>b</b>",
    "<b>a</b> <b>b</b>": "<b>a</b> <b>b</b>",
    "<b>a</b>   <b>b</b>": "<b>a</b> <b>b</b>",
    "<p>\n  a word\n  and another\n</p>": "<p>a word and another</p>",
    "a word\n<b>b</b>": "a word<b>b</b>",
    "a word <b>b</b>": "a word <b>b</b>",
    "{{ one }}\n{{ other }}": "{{ one }} {{ other }}",
    '{{ one|join:",  " }}': '{{ one|join:",  " }}',
    "{% if a %}\n  b\n{% endif %}": "{% if a %}b{% endif %}",
    "{% if a %} b{% endif %}": "{% if a %} b{% endif %}",
    "{# why #}\n{% load x %}\n<p>": "{# why #}{% load x %}<p>",
    '<a\n  class="b"\n  href="c"\n>': '<a class="b" href="c">',
    '<a href="?b=1\n    &amp;c=2">': '<a href="?b=1&amp;c=2">',
    '<a title="two  spaces">': '<a title="two  spaces">',
    '<a{% if b > 1 %} class="c"{% endif %}>\nd': '<a{% if b > 1 %} class="c"{% endif %}>d',
    '<img src="{% static "a.svg" %}">\n': '<img src="{% static "a.svg" %}">',
    "<pre>\n  a\n\n  b</pre>\n": "<pre>\n  a\n\n  b</pre>",
    "<textarea\n  rows='2'\n>\n a </textarea>": "<textarea rows='2'>\n a </textarea>",
    "a\u00a0\n\u00a0b": "a\u00a0 \u00a0b",
}
LAID_OUT = {
    "<ul><li>a</li><li>b</li></ul>": "<ul>\n  <li>a</li>\n  <li>b</li>\n</ul>\n",
    "<p>a <b>b</b>{% if c %}, {{ c }}{% endif %}</p>": "<p>a <b>b</b>{% if c %}, {{ c }}{% endif %}</p>\n",
    f"<p>{LONG}</p>": f"<p>\n  {'word ' * 22}word\n  {'word ' * 6}word\n</p>\n",
    f"{{% if a %}} <b>{LONG}</b> {{% endif %}}": (
        f"{{% if a %}} <b>\n    {'word ' * 22}word\n    {'word ' * 6}word\n  </b> {{% endif %}}\n"
    ),
}


@pytest.mark.parametrize(("source", "loaded"), RULE.items())
def test_a_template_is_loaded_without_what_only_lays_it_out(source: str, loaded: str) -> None:
    assert collapsed(source) == loaded


@pytest.mark.parametrize("source", RULE.values())
def test_what_is_loaded_has_nothing_more_to_lose(source: str) -> None:
    assert collapsed(source) == source


@pytest.mark.parametrize(("source", "lines"), LAID_OUT.items())
def test_blocks_and_long_text_get_lines_of_their_own(source: str, lines: str) -> None:
    assert formatted(source) == lines


@pytest.mark.parametrize("source", RULE)
def test_a_layout_loads_as_what_it_was_made_of(source: str) -> None:
    assert collapsed(formatted(source)) == collapsed(source)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_layout_does_not_depend_on_the_one_before(path: Path) -> None:
    assert formatted(collapsed(path.read_text())) == path.read_text()


def test_a_line_that_cannot_be_broken_is_refused() -> None:
    with pytest.raises(ValueError, match="can be broken"):
        formatted(f'<a title="{"x" * LIMIT}">')


def test_templates_of_packages_are_loaded_as_they_are() -> None:
    (engine,) = engines.all()
    template = engine.get_template("admin/change_list.html").template  # type: ignore[attr-defined]
    assert template.source == Path(template.origin.name).read_text()


def test_a_page_is_hardly_wider_than_its_words() -> None:
    desk = Desk(copy(WEST, "1"), copy(WEST, "2"))
    for page in (desk.page(OverviewPage), desk.page(ServicePage, "default", "web")):
        context = {"page": page, "board": desk.board, "content": desk.content(page), **page.context()}
        html = re.sub(r"<pre.*?</pre>", "", render_to_string(page.template, context), flags=re.DOTALL)
        assert "\n" not in html
        assert len("".join(re.findall(r"\s{2,}", html))) < len(html) / 100


def test_a_template_of_ours_that_extends_its_namesake_is_collapsed() -> None:
    (engine,) = engines.all()
    template = engine.get_template("admin/base_site.html").template  # type: ignore[attr-defined]
    assert "\n" not in template.source
