"""What the house is told of the toy."""

from catalog.query import Query
from discovery.web.dialect import Example, HttpDialect
from discovery.web.routing import Routes
from tests.harness.discovery.toy import reads, shapes, writes


def routes() -> Routes:
    return {
        "/toy/where/{service}": {"GET": reads.where},
        "/toy/here/{service}": {"POST": writes.here},
        "/toy/broken": {"GET": reads.broken},
        "/": {"POST": reads.where_in_body},
    }


def example(query: Query) -> Example:
    left_out = tuple(field for field in ("tags", "version", "zone") if getattr(query, field))
    return Example(f"GET /toy/where/{query.service}", headers=("accept: text/plain",), left_out=left_out)


DIALECT = HttpDialect(
    name="toy",
    title="Toy",
    segments=("toy",),
    root_header=b"toy-target",
    routes=routes,
    paths=("GET /toy/where/{service}",),
    lookup=reads.lookup,
    example=example,
    fast_writes={"POST": writes.fast_post, "PUT": writes.fast_put},
    headers=shapes.headers,
    error=shapes.error,
    secret=reads.secret,
    token_header="toy-key: $TOKEN",
    varies=(b"accept",),
)
