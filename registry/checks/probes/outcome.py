"""An outcome: what one probe saw."""

import msgspec

from catalog.records.check import LONGEST_OUTPUT
from catalog.records.status import Status


class Answer(msgspec.Struct, frozen=True, gc=False):
    """How a target answered, in the words of the check's type."""

    status: Status
    text: str


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The status that one probe alone speaks for, its output for people, and how long it took in seconds."""

    status: Status
    output: str = ""
    latency: float = 0.0


def printable(text: str, *, longest: int = LONGEST_OUTPUT) -> str:
    """`text` on one line without control characters, cut to `longest`: a target decides what stands in an output."""
    text = text[: 4 * longest]  # blanks count for little, and a body may be long
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
