"""Reading pictures in tests: as XML, and nothing in them may need a looser policy than the pages have."""

import re
from xml.etree import ElementTree

from django.utils.safestring import SafeString

HOSTILE = '"><script>alert(1)</script><b style="x">&amp;\'{}{0}'
FORBIDDEN = {"style", "script", "foreignObject"}


def parsed(picture: SafeString) -> ElementTree.Element:
    """The picture's elements; fails when it is no safe, well-formed, plain SVG."""
    assert isinstance(picture, SafeString)
    root = ElementTree.fromstring(str(picture))  # noqa: S314 - made here
    for element in root.iter():
        assert element.tag not in FORBIDDEN
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
    return root


def words(root: ElementTree.Element) -> str:
    """All text of the picture, what only a screen reader is told too."""
    return " ".join(text.strip() for text in root.itertext() if text.strip())


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """The elements that have this class."""
    return [element for element in root.iter() if name in element.get("class", "").split()]


def name_of(root: ElementTree.Element) -> str:
    """The accessible name of the picture: its title, or its label."""
    svg = root if root.tag == "svg" else next(root.iter("svg"))
    return svg.findtext("title") or svg.get("aria-label") or ""


def corners(path: str) -> list[tuple[float, float]]:
    """The corners of a path of M, h, v, H, V and z."""
    x = y = 0.0
    found = []
    for command, numbers in re.findall(r"([MhvHVz])([^MhvHVz]*)", path):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command in "hH":
            x = values[0] + (x if command == "h" else 0)
        elif command in "vV":
            y = values[0] + (y if command == "v" else 0)
        found.append((x, y))
    return found
