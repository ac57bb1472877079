"""Which route a path leads to."""

from typing import Any

import pytest

from discovery.web.form import HttpForm
from discovery.web.problems import NoSuchPath
from discovery.web.request import Request
from discovery.web.routing import Handler, Router

PATHS = (
    "/", "/things", "/things/bulk", "/things/{name}", "/things/{name}/watch", "/things/{name}/{id}",
    "/things/{name}/{id}/renew", "/kv/{key:path}", "/kv/one/{part}",
)  # fmt: skip


async def led_to(path: str) -> tuple[str, dict[str, str]]:
    """The route of a path, and the segments that it names."""
    found: list[tuple[str, dict[str, str]]] = []

    def noting(route: str) -> Handler:
        async def handler(request: Request) -> None:
            found.append((route, request.path))

        return handler

    router = Router({route: {"GET": noting(route)} for route in PATHS}, PATHS)
    scope: dict[str, Any] = {"method": "GET", "path": path, "query_string": b"", "headers": []}
    nothing: Any = None
    await router.answer(Request(nothing, HttpForm(name="test"), scope, nothing, nothing))
    return found[0]


@pytest.mark.parametrize(
    ("path", "route", "named"),
    [
        ("/", "/", {}),
        ("/things", "/things", {}),
        ("/things/web", "/things/{name}", {"name": "web"}),
        ("/things/bulk", "/things/bulk", {}),
        ("/things/bulk/1", "/things/{name}/{id}", {"name": "bulk", "id": "1"}),
        ("/things/web/watch", "/things/{name}/watch", {"name": "web"}),
        ("/things/web/watch/renew", "/things/{name}/{id}/renew", {"name": "web", "id": "watch"}),
        ("/kv/a/b/c", "/kv/{key:path}", {"key": "a/b/c"}),
        ("/kv/a/", "/kv/{key:path}", {"key": "a/"}),
        ("/kv/one/a", "/kv/one/{part}", {"part": "a"}),
        ("/kv/one/a/b", "/kv/{key:path}", {"key": "one/a/b"}),
    ],
)
async def test_a_segment_that_is_written_out_counts_first(path: str, route: str, named: dict[str, str]) -> None:
    assert await led_to(path) == (route, named)


@pytest.mark.parametrize("path", ["/things/", "/things//1", "/things/a/b/c", "/other", "//things", "/kv"])
async def test_anything_else_leads_nowhere(path: str) -> None:
    with pytest.raises(NoSuchPath, match="there are /; /things"):
        await led_to(path)
