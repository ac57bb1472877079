"""Formats the HTML templates: `make format`; with `--check`, says which are not formatted: `make lint`.

Other formatters of Django's templates either leave a long line of inline elements as it is, or break it beside Django's
tags as though a line break there were nothing in one place and a space in another. This one knows the rule of
`config.whitespace`: it lays out what the loader makes of a template, so the result does not depend on how the lines
were broken before, and it never writes what would load otherwise.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from config.local.plan import BASE_DIR
from config.whitespace import DOUBLE, SINGLE, TAG, TEMPLATE, VARIABLE, collapsed

WIDTH = 120
LIMIT = 200  # nothing may be longer, not even what cannot be broken
INDENT = 2
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# What a browser sets on lines of its own. Two of them side by side are never written on one line.
BLOCKS = re.compile(
    "article|aside|body|dd|details|dialog|div|dl|dt|fieldset|footer|form|h[1-6]|head|header|html|legend|li|link|main|meta|"
    "nav|ol|option|p|pre|section|summary|table|tbody|td|th|thead|title|tr|ul|%extends|%load"
)
BETWEEN = ("%else", "%elif", "%empty")
NAME = re.compile(r"<(/?)([a-zA-Z0-9]+)|\{% *(end)?(\w+)")
WORDS = re.compile(rf"(?:{VARIABLE}|[^ ])+|(?P<space> )")
BREAKS = re.compile(r"(?=&amp;)|(?<=%\}) (?=[a-z-]+=)")
PARTS = re.compile(rf"(?:{TEMPLATE}|{VARIABLE}|{DOUBLE}|{SINGLE}|[^ ])+")


@dataclass(slots=True)
class Leaf:
    """A word, a tag that holds nothing, or something verbatim."""

    text: str
    name: str = ""

    @property
    def is_word(self) -> bool:
        """A word is no tag: a line break beside it can be a space."""
        return not self.name


@dataclass(slots=True)
class Node:
    """An element or one of Django's blocks: its tags, and what stands between each two of them."""

    name: str
    tags: list[str]
    bodies: list["Body"] = field(default_factory=lambda: [[]])
    is_word = False

    @property
    def text(self) -> str:
        """All of it on one line."""
        return "".join(tag + flat(body) for tag, body in zip(self.tags, [*self.bodies, []], strict=True))


# None is a space.
Body = list[Leaf | Node | None]


def flat(items: Body) -> str:
    """On one line."""
    return "".join(" " if item is None else item.text for item in items)


def parsed(source: str) -> Body:
    """A collapsed template as a tree. A tag whose other half is not where it should be is a leaf."""
    closed = set(re.findall(r"\{% *end(\w+)", source))
    top = Node("", [""])
    stack = [top]

    def unclosed() -> None:
        """The innermost element is only a tag after all."""
        node = stack.pop()
        stack[-1].bodies[-1] += [Leaf(node.tags[0], node.name), *node.bodies[0]]

    def leads_to(name: str) -> bool:
        """Leave the elements that were never closed, up to the one of this name; no element reaches over a block."""
        for depth, node in enumerate(reversed(stack)):
            if node.name == name:
                for _ in range(depth):
                    unclosed()
                return True
            if node.name[:1] == "%" and name[0] != "%":
                break
        return False

    for text, verbatim in tokens(source):
        body = stack[-1].bodies[-1]
        named = NAME.match(text)
        name = "" if named is None else f"%{named[4]}" if named[4] else named[2].lower()
        if text == " ":
            body.append(None)
        elif named is None or verbatim:
            body.append(Leaf(text, "!" if verbatim or text.startswith(("{#", "<!")) else ""))
        elif name in BETWEEN:
            while stack[-1].name[:1] != "%":
                unclosed()
            stack[-1].tags.append(text)
            stack[-1].bodies.append([])
        elif named[1] or named[3]:
            if leads_to(name):
                node = stack.pop()
                node.tags.append(text)
                stack[-1].bodies[-1].append(node)
            else:
                body.append(Leaf(text, name))
        elif name[1:] in closed if name[0] == "%" else name not in VOID:
            stack.append(Node(name, [text]))
        else:
            body.append(Leaf(text, name))
    while len(stack) > 1:
        unclosed()
    return top.bodies[0]


def tokens(source: str) -> Iterator[tuple[str, bool]]:
    """Tags, words and spaces, and whether it is verbatim."""
    position = 0
    for tag in [*TAG.finditer(source), None]:
        for word in WORDS.finditer(source[position : tag.start() if tag else None]):
            yield word[0], False
        if tag:
            yield tag[0], bool(tag["inside"])
            position = tag.end()


def parted(items: Body, may: Callable[[Leaf | Node, Leaf | Node, bool], bool]) -> list[tuple[str, Body]]:
    """The items in groups between which there may be a line break, each with the space that is before it."""
    groups: list[tuple[str, Body]] = []
    last: Leaf | Node | None = None
    spaced = False
    for item in items:
        if item is None:
            spaced = True
            continue
        space: Body = [None] if spaced else []
        if last is None or may(last, item, spaced):
            groups.append((flat(space), [item]))
        else:
            groups[-1][1].extend([*space, item])
        last, spaced = item, False
    return groups


def strong(left: Leaf | Node, right: Leaf | Node, spaced: bool) -> bool:
    """Between two words with a space, and between two tags without one, or beside a block."""
    if spaced:
        return left.is_word and right.is_word
    return not (left.is_word or right.is_word) or stands_alone([left]) or stands_alone([right])


def weak(left: Leaf | Node, right: Leaf | Node, spaced: bool) -> bool:
    """Also between a word and a tag without a space: only where a line is too long, because it reads badly."""
    return strong(left, right, spaced) or not spaced


def unbreakable(items: Body, after: str) -> str:
    """What stays on the line of the item before these."""
    for place, item in enumerate(items):
        if isinstance(item, Node):
            name = NAME.match(item.tags[0])
            return flat(items[:place]) + (f"{name[0]}>" if name and name[2] else item.tags[0])
    return flat(items) + after


def begun(items: Body, after: str) -> str:
    """What has to stay on the line on which the items begin: all that is short, else up to the first tag."""
    text = flat(items) + after
    for place, item in enumerate(items):
        if place and isinstance(item, Node) and len(text) > WIDTH // 2:
            return flat(items[:place]) + item.tags[0]
    return text


def stands_alone(items: Body) -> bool:
    """Does it contain what has lines of its own?"""
    return any(
        item is not None
        and (
            BLOCKS.fullmatch(item.name) or (isinstance(item, Node) and any(stands_alone(body) for body in item.bodies))
        )
        for item in items
    )


def is_broken(items: Body) -> bool:
    """Does it contain two blocks side by side?"""
    return any(
        isinstance(item, Node)
        and any(sum(stands_alone([one]) for one in body) > 1 or is_broken(body) for body in item.bodies)
        for item in items
    )


def grouped(parts: list[str]) -> list[str]:
    """The attributes of a tag; one that is there on a condition stays with the one before it."""
    groups: list[str] = []
    depth = 0
    for part in parts:
        if depth:
            groups[-1] += f" {part}"
        else:
            groups.append(part)
        depth += len(re.findall(r"\{% *(?:if|for|with)\b", part)) - len(re.findall(r"\{% *end", part))
    return groups


class Layout:
    """Writes items over lines."""

    def __init__(self) -> None:
        self.lines = [""]

    def fits(self, text: str) -> bool:
        """Is there room for it on this line?"""
        return len(self.lines[-1]) + len(text) <= WIDTH

    def write(self, text: str) -> None:
        """On this line."""
        self.lines[-1] += text

    def line(self, indent: int) -> None:
        """Begin another, unless this one is still empty."""
        if self.lines[-1].strip():
            self.lines.append("")
        self.lines[-1] = " " * indent

    def body(self, items: Body, indent: int, after: str = "") -> None:
        """Chunk by chunk. Those of a running text share lines; `after` is what no line break may part from the last."""
        chunks = parted(items, strong)
        is_text = any(item is not None and item.is_word for item in items)
        fresh = True
        for number, (space, chunk) in enumerate(chunks):
            text, behind = flat(chunk), after if number == len(chunks) - 1 else ""
            alone = fresh or not is_text or stands_alone(chunk) or not self.fits(space + begun(chunk, behind))
            if number and alone:
                self.line(indent)
            elif number:
                self.write(space)
            before = len(self.lines)
            if self.fits(text + behind) and not is_broken(chunk):
                self.write(text)
            else:
                self.chunk(chunk, indent, behind)
            fresh = len(self.lines) > before or stands_alone(chunk)

    def chunk(self, items: Body, indent: int, after: str) -> None:
        """What does not fit on a line of its own: it is broken between words and tags, and within tags."""
        for number, (_, glued) in enumerate(parted(items, weak)):
            if number and not self.fits(flat(glued)):
                self.line(indent)
            for place, item in enumerate(glued):
                if item is None:
                    self.write(" ")
                elif self.fits(item.text + unbreakable(glued[place + 1 :], after)) and not is_broken([item]):
                    self.write(item.text)
                elif isinstance(item, Node):
                    self.node(item, indent)
                else:
                    self.tag(item.text, indent, unbreakable(glued[place + 1 :], after))

    def node(self, node: Node, indent: int) -> None:
        """An element or block over several lines."""
        self.tag(node.tags[0], indent)
        for body, tag in zip(node.bodies, node.tags[1:], strict=True):
            # A space beside the tag stays on the tag's line.
            if body and body[0] is None:
                self.write(" ")
            elif body:
                self.line(indent + INDENT)
            spaced = len(body) > 1 and body[-1] is None
            self.body(body, indent + INDENT, f" {tag}" if spaced else "")
            if spaced:
                self.write(" ")
            elif body != [None]:
                self.line(indent)
            self.write(tag)

    def tag(self, tag: str, indent: int, after: str = "") -> None:
        """A word or a tag; if too long, HTML has its attributes and the parts of a long value on lines of their own."""
        html = TAG.fullmatch(tag) if tag.startswith("<") else None
        inside = (html and html["inside"]) or ""
        name, *attributes = PARTS.findall(tag.removesuffix(inside)[:-1]) if html else [tag]
        if self.fits(tag + after) or not attributes:
            self.write(tag)
            return
        self.write(name)
        for attribute in grouped(attributes):
            self.line(indent + INDENT)
            for number, part in enumerate([attribute] if self.fits(attribute) else BREAKS.split(attribute)):
                if number:
                    self.line(indent + 2 * INDENT)
                self.write(part)
        self.line(indent)
        self.write(f">{inside}")


def formatted(source: str) -> str:
    """The template over lines. Raises ValueError if it would not load as before, or has a line over LIMIT."""
    wanted = collapsed(source)
    layout = Layout()
    layout.body(parsed(wanted), 0)
    result = "\n".join(layout.lines) + "\n"
    if collapsed(result) != wanted:
        raise ValueError("it cannot be laid out without a change of what it says")
    longest = max(result.splitlines(), key=len)
    if len(longest) > LIMIT:
        raise ValueError(f"nothing in this line of {len(longest)} characters can be broken: {longest.strip()}")
    return result


def main() -> int:
    """Format all, or say what is not formatted."""
    parser = argparse.ArgumentParser(description="Format the HTML templates.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if something would be written")
    check = parser.parse_args().check
    failed = False
    for path in sorted(BASE_DIR.glob("*/templates/**/*.html")):
        source = path.read_text()
        try:
            result = formatted(source)
        except ValueError as error:
            result, failed = source, True
            say(f"{path.relative_to(BASE_DIR)}: {error}")
        if result != source:
            failed |= check
            say(f"{path.relative_to(BASE_DIR)}: {'not formatted' if check else 'formatted'}")
            if not check:
                path.write_text(result)
    return int(failed)


def say(line: str) -> None:
    """Tell who waits."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
