"""Templates are written over many lines and loaded without them: what a line break in a template means.

The rule is JSX's. Beside a tag, be it HTML's or Django's, a line break with its indentation is nothing; between words
it is a space, and a variable counts as a word. Spaces within a line are one space wherever they stand. Inside an HTML
tag any whitespace is one space, but a line break within a quoted value is nothing. What stands in `pre`, `textarea`,
`script` or `style` stays as it is.
"""

import re
from pathlib import Path

from django.conf import settings
from django.template import Origin
from django.template.loaders import app_directories

SPACE = r"[ \t\r\n\f]+"  # not \s: a no-break space is text
VARIABLE = r"\{\{.*?\}\}"
TEMPLATE = r"\{%.*?%\}|\{#.*?#\}"
DOUBLE, SINGLE = (rf"{quote}(?:{TEMPLATE}|{VARIABLE}|[^{quote}])*{quote}" for quote in "\"'")
HTML = rf"<!--.*?-->|</?[a-zA-Z!](?:{TEMPLATE}|{VARIABLE}|{DOUBLE}|{SINGLE}|[^>\"'])*>"
VERBATIM = rf"(?=<(?P<name>pre|textarea|script|style)\b)(?P<open>{HTML})(?P<inside>.*?</(?P=name)>)"
TAG = re.compile(rf"{VERBATIM}|{HTML}|{TEMPLATE}", re.DOTALL)
IN_TEXT = re.compile(rf"{VARIABLE}|(?P<edge>^{SPACE}|{SPACE}$)|(?P<inner>{SPACE})")
IN_TAG = re.compile(rf"{TEMPLATE}|{VARIABLE}|(?P<value>{DOUBLE}|{SINGLE})|(?P<end>{SPACE}(?=>$))|(?P<inner>{SPACE})")
IN_VALUE = re.compile(r"[ \t]*[\r\n][ \t\r\n\f]*")


def collapsed(source: str) -> str:
    """The template without the whitespace that only lays it out."""
    parts, position = [], 0
    for tag in TAG.finditer(source):
        parts += [_text(source[position : tag.start()]), _tag(tag["open"] or tag[0]), tag["inside"] or ""]
        position = tag.end()
    return "".join([*parts, _text(source[position:])])


def _text(text: str) -> str:
    """What stands between two tags, or between one and an end of the file."""

    def kept(found: re.Match[str]) -> str:
        if edge := found["edge"]:
            return "" if "\n" in edge else " "
        return " " if found["inner"] else found[0]

    return IN_TEXT.sub(kept, text)


def _tag(tag: str) -> str:
    if not tag.startswith("<") or tag.startswith("<!--"):
        return tag

    def kept(found: re.Match[str]) -> str:
        if found["end"]:
            return ""
        return " " if found["inner"] else IN_VALUE.sub("", found[0])

    return IN_TAG.sub(kept, tag)


class Loader(app_directories.Loader):
    """Finds templates in the apps, and collapses our own: those of packages follow HTML's rule."""

    def get_contents(self, origin: Origin) -> str:
        """The source to compile. Raises TemplateDoesNotExist."""
        contents = super().get_contents(origin)
        path = Path(origin.name)
        ours = any(path.is_relative_to(directory) for directory in settings.BASE_DIR.glob("*/templates"))
        return collapsed(contents) if ours else contents
