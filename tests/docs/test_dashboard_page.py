"""What the documentation says of the dashboard is there: its addresses, its buttons, its pictures."""

import ast
import re
import struct
from collections.abc import Iterator
from itertools import chain

import pytest
from django.urls import Resolver404, resolve

from config.local.plan import BASE_DIR

PAGES = [BASE_DIR / "README.md", *sorted(BASE_DIR.glob("docs/*.md"))]
GUIDE = BASE_DIR / "docs/dashboard.md"
PICTURES = BASE_DIR / "docs/pictures"
ADDRESS = re.compile(r"(?<![A-Za-z_./])/dashboard/[^\s`'\")*]*")
PRESSED = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)  # in the guide, bold is what a person presses or chooses
SHOWN = re.compile(r"!\[([^]]*)\]\([^)]*?([^/)]+\.png)\)")
TAGS = re.compile(r"\{[%{].*?[%}]\}", re.DOTALL)
LABELS = re.compile(r"<(?:a|button|strong|label)\b[^>]*>([^<]+)<")
CHOICE = "\0"
FEWEST_LABELS = 20
LARGEST_OF_ALL = 900_000  # bytes of all pictures: they are in every clone
WIDEST = 1400  # pixels


def addresses() -> list[str]:
    """Every address of the dashboard that a page names."""
    return sorted({found for page in PAGES for found in ADDRESS.findall(page.read_text())})


def labels() -> set[str]:
    """Everything that can be pressed or chosen in the dashboard, as templates and views write it."""
    templates = BASE_DIR.glob("dashboard/templates/dashboard/*.html")
    found = chain.from_iterable(LABELS.findall(TAGS.sub(CHOICE, template.read_text())) for template in templates)
    written = chain.from_iterable(label.split(CHOICE) for label in found)  # a template may offer one of two
    return {" ".join(label.split()) for label in written} | set(_constants())


def _constants() -> Iterator[str]:
    written = chain(BASE_DIR.glob("dashboard/corrections/*.py"), BASE_DIR.glob("registry/corrections/*.py"))
    for path in (*written, BASE_DIR / "dashboard/words/attention.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("address", addresses())
def test_every_address_of_the_dashboard_that_is_named_leads_to_a_page(address: str):
    path = address.partition("?")[0]
    try:
        found = resolve(path)
    except Resolver404:
        pytest.fail(f"{path} leads nowhere")
    assert found.app_name == "dashboard"


def test_every_page_of_the_guide_is_named():
    named = {resolve(address.partition("?")[0]).url_name for address in addresses()}
    assert {
        "overview",
        "services",
        "service",
        "instance",
        "federation",
        "peer",
        "changes",
        "overrides",
        "held",
    } <= named


def test_every_button_that_the_guide_speaks_of_is_in_the_dashboard():
    spoken = {" ".join(label.split()) for label in PRESSED.findall(GUIDE.read_text())}
    assert len(spoken) > FEWEST_LABELS
    assert not spoken - labels()


def test_every_picture_is_shown_with_words_for_those_who_do_not_see_it():
    found = [SHOWN.findall(page.read_text()) for page in PAGES]
    shown = {name: alt for alt, name in chain.from_iterable(found)}
    assert set(shown) == {picture.name for picture in PICTURES.glob("*")}
    assert all(len(alt) > len(name) for name, alt in shown.items())


def test_the_pictures_are_small():
    pictures = list(PICTURES.glob("*.png"))
    assert sum(picture.stat().st_size for picture in pictures) < LARGEST_OF_ALL
    for picture in pictures:
        width, _ = struct.unpack(">II", picture.read_bytes()[16:24])
        assert width <= WIDEST, picture.name
