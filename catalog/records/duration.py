"""Durations as people write them: `15s`, `1h30m`, `500ms`, or a number of seconds."""

import re
from functools import lru_cache

from catalog.errors import Invalid

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(text: str | int | float, *, field: str, least: float = 0.0, most: float = 366 * 86400.0) -> float:
    """The length in seconds.

    Raises Invalid when it is not a duration or lies outside `least` … `most`.
    """
    length = float(text) if isinstance(text, int | float) else _parse(text, field)
    if not least <= length <= most:
        raise Invalid(f"{text} is out of range: use {spoken(least)} to {spoken(most)}", field=field)
    return length


@lru_cache(maxsize=1024)
def _parse(text: str, field: str) -> float:
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Invalid(f"{text[:40]!r} is not a duration: write for example '15s', '1m30s' or '500ms'", field=field)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def spoken(length: float) -> str:
    """The shortest way to write a length so that `seconds` reads it back."""
    if length <= 0:
        return "0s"
    left, text = round(length * 1000), ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text
