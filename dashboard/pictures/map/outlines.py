"""The outlines of the land, from the installed package of maps, made small enough to send.

The package's drawing has a megabyte of curves. Only their ends are kept, only as far as they matter at the size of the
page, and islands too small to see are left out. Read without importing the package, which would load its charts.
"""

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

PACKAGE, DRAWING = "pygal_maps_world", "worldmap.svg"
LEFT_OUT = "aq"  # Antarctica: no region is there, and it takes a fifth of the height

# The part of the drawing that is shown, in its units, and how much smaller it is drawn here.
VIEW = (10.0, 88.0, 2680.0, 1150.0)
SCALE = 760.0 / VIEW[2]

DETAIL = 1.6  # units of the drawing: what strays less from a straight line is one
SMALLEST = 16.0  # square units of the drawing

Point = tuple[float, float]
WORD = re.compile(r"[mclhvz]|-?\d*\.?\d+(?:e-?\d+)?")
ARGUMENTS = {"m": 2, "l": 2, "c": 6, "h": 1, "v": 1}


@cache
def land_svg() -> str:
    """A drawing with one path of the id `land`, in the units of the picture of the regions; about 55 KB.

    It is to be served once and kept by browsers; the picture refers to it with `<use>`, so that style sheets colour it.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {VIEW[2] * SCALE:.0f} {VIEW[3] * SCALE:.0f}">'
        f'<path id="land" d="{"".join(_outlines())}"/></svg>'
    )


def placed(x: float, y: float) -> Point:
    """From the units of the package's drawing to those of the picture."""
    return (x - VIEW[0]) * SCALE, (y - VIEW[1]) * SCALE


def _outlines() -> Iterator[str]:
    for path in _paths():
        for ring in _rings(path):
            if _area(ring) >= SMALLEST:
                yield _drawn([placed(x, y) for x, y in _simpler(ring)])


def _paths() -> Iterator[str]:
    """Every outline of a country in the drawing; the few that are moved about inside it are islets."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(PACKAGE)
    drawing = ElementTree.parse(Path(spec.submodule_search_locations[0]) / DRAWING)  # noqa: S314 - a package's own file
    for country in drawing.iterfind(".//*[@id='countries']/*"):
        if not country.get("class", "").startswith(LEFT_OUT) and not country.findall(".//*[@transform]"):
            yield from (path for element in country.iter() if (path := element.get("d")))


def _rings(path: str) -> Iterator[list[Point]]:
    """The closed outlines of a path of relative commands; of a curve, its end."""
    command, x, y = "m", 0.0, 0.0
    ring: list[Point] = []
    numbers: list[float] = []
    for word in WORD.findall(path):
        if word == "z" and ring:
            x, y = ring[0]
        if word.isalpha():
            command, numbers = word, []
            if word == "m" and ring:
                yield ring
                ring = []
            continue
        numbers.append(float(word))
        if len(numbers) == ARGUMENTS[command]:
            x += 0 if command == "v" else numbers[-1 if command == "h" else -2]
            y += 0 if command == "h" else numbers[-1]
            ring.append((x, y))
            numbers = []
    if ring:
        yield ring


def _area(ring: Sequence[Point]) -> float:
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True))) / 2


def _simpler(ring: Sequence[Point]) -> list[Point]:
    """Douglas and Peucker's way: keep the point that strays most from the straight line, then look at both parts."""
    kept = {0, len(ring) - 1}
    parts = [(0, len(ring) - 1)]
    while parts:
        first, last = parts.pop()
        furthest, most = _furthest(ring, first, last)
        if most > DETAIL:
            kept.add(furthest)
            parts += [(first, furthest), (furthest, last)]
    return [ring[index] for index in sorted(kept)]


def _furthest(ring: Sequence[Point], first: int, last: int) -> tuple[int, float]:
    (x1, y1), (x2, y2) = ring[first], ring[last]
    length = math.hypot(x2 - x1, y2 - y1)
    furthest, most = first, 0.0
    for index in range(first + 1, last):
        x, y = ring[index]
        astray = abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length if length else math.hypot(x - x1, y - y1)
        if astray > most:
            furthest, most = index, astray
    return furthest, most


def _drawn(ring: Sequence[Point]) -> str:
    """In tenths relative to the last, as short as it goes; rounding does not add up."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in ring]
    moves = [(x - px, y - py) for (px, py), (x, y) in pairwise(tenths)]
    steps = "".join(_number(x) + _number(y) for x, y in moves if x or y)
    return f"M{tenths[0][0] / 10:g} {tenths[0][1] / 10:g}l{steps.lstrip()}z"


def _number(tenths: int) -> str:
    """With the sign or a blank before it, without a leading zero."""
    text = f"{abs(tenths) / 10:g}"
    return ("-" if tenths < 0 else " ") + (text.removeprefix("0") if text != "0" else text)
