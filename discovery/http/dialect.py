"""The native dialect, as the rest of the house needs to know it."""

from urllib.parse import quote, urlencode

from catalog.query import Query
from catalog.records.instance import DEFAULT_NAMESPACE
from discovery.http import reads
from discovery.http.routes import PATHS, fast_put, routes
from discovery.web.dialect import Example, HttpDialect


def example(query: Query) -> Example:
    """The request line of a lookup, without what is the same when it is not said."""
    given = {
        "namespace": "" if query.namespace == DEFAULT_NAMESPACE else query.namespace,
        "region": ",".join(query.regions),
        "tag": query.tags,
        "version": query.version,
        "zone": query.zone,
        "port": query.port,
        "limit": query.limit or "",
    }
    words = urlencode({name: value for name, value in given.items() if value}, doseq=True)
    return Example(f"GET /services/{quote(query.service, safe='')}" + (f"?{words}" if words else ""))


DIALECT = HttpDialect(
    name="http",
    title="HTTP",
    segments=("services",),
    routes=routes,
    paths=PATHS,
    lookup=reads.lookup,
    example=example,
    fast_writes={"PUT": fast_put},
)
