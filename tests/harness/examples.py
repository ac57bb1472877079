"""The examples of a Markdown page: what a reader would paste, and what the page says comes back.

A `console` block holds commands (`$ …`) each followed by its output, in which `…` stands for anything. A `python` block
holds a whole program. Other blocks are not examples.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to run; `expected` is empty when the page promises no output."""

    page: str
    line: int
    language: str
    command: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(page: Path) -> list[Example]:
    """Every example of the page, in order."""
    text, found = page.read_text(), list[Example]()
    for block in FENCE.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        if block[1] == "console":
            found += _commands(page.name, line, block[2])
        elif block[1] == "python":
            found.append(Example(page.name, line, "python", block[2]))
    return found


def _commands(page: str, line: int, block: str) -> list[Example]:
    commands: list[Example] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        length = 1
        while lines[length - 1].endswith("\\"):
            length += 1
        command = "\n".join(lines[:length])
        commands.append(Example(page, line, "console", command, "\n".join(lines[length:]).strip()))
        line += len(lines)
    return commands


def matches(expected: str, output: str) -> bool:
    """Whether the output is what the page promises, white space at line ends aside."""
    pieces = [re.escape(_tidy(piece)) for piece in expected.split(ANYTHING)]
    return re.fullmatch(".*?".join(pieces), _tidy(output), re.DOTALL) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r", "").splitlines())
