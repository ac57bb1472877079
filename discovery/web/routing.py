"""Routes of a dialect: which path and method lead to which handler.

A tree of the segments of paths: however many routes there are, finding one costs a look into a dict for each segment.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from discovery.web.paths import require_clean
from discovery.web.problems import NoSuchPath, NotAllowed
from discovery.web.replies import Reply
from discovery.web.request import Request

Handler = Callable[[Request], Awaitable[None]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Handlers by path and method. A segment `{name}` stands for any that is not empty, a last one `{name:path}` for all
that follow; a segment that is written out counts before them."""


class Resource:
    """One path: the handler of each method. HEAD and OPTIONS come by themselves."""

    def __init__(self, names: tuple[str, ...], handlers: Mapping[str, Handler]) -> None:
        self.names = names  # of the segments that are not written out
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allowed = (*self._handlers, "OPTIONS")

    async def answer(self, request: Request) -> None:
        """Hand over to the method's handler. Raises NotAllowed when there is none."""
        method = request.scope["method"]
        handler = self._handlers.get(method)
        if handler is not None:
            await handler(request)
        elif method == "OPTIONS":
            await request.reply(Reply(204, [(b"allow", ", ".join(self._allowed).encode())]))
        else:
            raise NotAllowed(f"{request.scope['path'][:200]} takes {', '.join(self._allowed)}", allowed=self._allowed)


@dataclass(slots=True)
class Node:
    """A place in the tree. `rest` is the resource of all paths that begin here."""

    literal: "dict[str, Node]" = field(default_factory=dict)
    wild: "Node | None" = None
    resource: Resource | None = None
    rest: Resource | None = None


class Router:
    """The routes of one server. `paths` is the list in the error for any other path."""

    def __init__(self, routes: Routes, paths: Iterable[str]) -> None:
        self._root = Node()
        self._listed = "; ".join(paths)
        for path, handlers in routes.items():
            self._add(path, handlers)

    async def answer(self, request: Request) -> None:
        """Let the path's resource answer. Raises NoSuchPath."""
        require_clean(request.scope)
        values: list[str] = []
        resource = _find(self._root, request.scope["path"].split("/"), 1, values)
        if resource is None:
            raise NoSuchPath(f"nothing lives at {request.scope['path'][:200]!r}; there are {self._listed}")
        request.path = dict(zip(resource.names, values, strict=True))
        await resource.answer(request)

    def _add(self, path: str, handlers: Mapping[str, Handler]) -> None:
        node, names = self._root, list[str]()
        for segment in path.split("/")[1:]:
            if not segment.startswith("{"):
                node = node.literal.setdefault(segment, Node())
                continue
            name, _, kind = segment[1:-1].partition(":")
            names.append(name)
            if kind == "path":
                node.rest = Resource(tuple(names), handlers)
                return
            node.wild = node.wild or Node()
            node = node.wild
        node.resource = Resource(tuple(names), handlers)


def _find(node: Node, segments: list[str], at: int, values: list[str]) -> Resource | None:
    """The resource of the segments from `at` on; `values` gets those that are not written out."""
    if at == len(segments):
        return node.resource
    segment, before = segments[at], len(values)
    literal = node.literal.get(segment)
    if literal is not None and (found := _find(literal, segments, at + 1, values)) is not None:
        return found
    if node.wild is not None and segment:
        values.append(segment)
        if (found := _find(node.wild, segments, at + 1, values)) is not None:
            return found
    del values[before:]
    if node.rest is not None:
        values.append("/".join(segments[at:]))
    return node.rest
