"""DNS, as the rest of the house needs to know it. It is served by processes of its own, not over HTTP."""

from catalog.query import Query
from discovery.dns.metrics import Collected
from discovery.dns.names import name_of
from discovery.web.dialect import Dialect, Example

DOMAIN = "consul"
WORDLESS = ("zone", "version", "limit", "filter")  # fields of a query that no name can hold


def example(query: Query) -> Example:
    """The name to ask for, and the type that has ports. Raises Invalid when a tag cannot be part of a name."""
    name = name_of(query.service, DOMAIN, tag=query.tags[0] if query.tags else "", namespace=query.namespace)
    return Example(f"{name} SRV", left_out=tuple(field for field in WORDLESS if getattr(query, field)))


DIALECT = Dialect(name="dns", title="DNS", example=example, collector=Collected)
