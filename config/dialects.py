"""The dialects that a region speaks: one more is a line more."""

from discovery.dns import dialect as dns
from discovery.http import dialect as http
from discovery.web.dialect import Dialect, HttpDialect

DIALECTS: tuple[Dialect, ...] = (
    http.DIALECT,
    dns.DIALECT,
)

PATHS = tuple(f"/{segment}" for one in DIALECTS if isinstance(one, HttpDialect) for segment in one.segments)
