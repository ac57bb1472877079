"""A dialect: a protocol that clients speak, as the rest of the house needs to know it.

A dialect is a folder, whose `dialect.py` exports `DIALECT`, and one line in `config/dialects.py`. From that list the
server takes its paths and short ways, and the dashboard, the metrics and the documentation what they say of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.registry import Collector

from catalog.query import Query
from discovery.answers.cache import Read
from discovery.web.fast_writes import FastHandler
from discovery.web.form import HttpForm
from discovery.web.routing import Routes
from registry.asgi import Scope


@dataclass(frozen=True, slots=True)
class Example:
    """How a query is asked: the first line of the request, `GET /services/web`, or the question of another protocol.

    `headers` and `body` go with it where the query does not stand in the path. `left_out` names the fields of the query
    that the dialect has no words for.
    """

    line: str
    headers: tuple[str, ...] = ()
    body: str = ""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """`name` is that of the folder, and the dialect's in metrics and in the actors of the log; `title` is for people.

    `collector` reads what other processes have measured of it from the data directory.
    """

    name: str
    title: str
    example: Callable[[Query], Example]
    collector: Callable[[Path], Collector] | None = None


@dataclass(frozen=True, kw_only=True)
class HttpDialect(HttpForm, Dialect):
    """A dialect over HTTP. Its requests are those whose path begins with one of `segments`, or those for `/` with the
    header `root_header`.

    `routes` makes its routes for one server; `paths` lists them for people. `lookup` is the read that answers a query.
    `fast_writes` finds, by method, who answers a request without a task of its own: only paths without escapes are
    asked for, and None leaves a request to the routes. `token_header` is how a token is shown, for people.
    """

    routes: Callable[[], Routes]
    paths: tuple[str, ...]
    lookup: Callable[[Query], Read]
    segments: tuple[str, ...] = ()
    root_header: bytes = b""
    token_header: str = "Authorization: Bearer $TOKEN"  # noqa: S105 - a variable of a shell
    fast_writes: Mapping[str, Callable[[Scope], FastHandler | None]] = field(default_factory=dict)
