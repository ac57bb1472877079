"""What operations share in the schema: problems, headers and parameters; and which paths it has."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from registry.api.shapes.problem import Problem
from registry.problems import CONTENT_TYPE

DESCRIPTION = """\
The record of one region, for people and tools: instances, services, checks, overrides,
failover policies, changes, holds, tokens.

**When to use this, and when `/services`.** `/api/v1` reads *the record*, the region's database: consistent (a write
that was acknowledged is seen by the next read), searchable, with history, actors and causes, and only as available
and as fast as the database. `/services` reads *the view*, the catalog in memory: it answers in microseconds, also
while the database is down, applies overrides, and says how fresh it is. Programs that need an address to connect to
use `/services` (or DNS); dashboards, deployments and people use this API.

**Authentication.** `Authorization: Bearer mrd_…` (or `X-Consul-Token`) with a token's secret, or the session of a user
signed in to the admin site, whose writes need the CSRF token. A region that listens on loopback only is open unless
configured otherwise. Reading needs the scope `read`, registering `write:PREFIX`, everything else `operator`.

**Errors** are `application/problem+json` (RFC 9457) with a `detail` that says what to do and, where one is wrong, the
`field`. When the database is unavailable the answer is 503 with `Retry-After`, and nothing was done.

Paths work with and without a trailing slash. Durations are written `15s`, `10m`, `1h30m`; times are ISO 8601 in UTC.
"""


def _problem(text: str) -> OpenApiResponse:
    return OpenApiResponse(Problem, description=text)


def _problems(*statuses: tuple[int, str]) -> dict[Any, Any]:
    return {(status, CONTENT_TYPE): _problem(text) for status, text in statuses}


PROBLEMS = _problems(
    (400, "A value breaks a rule; `field` names it."),
    (401, "No token, or one that is unknown, expired or revoked."),
    (403, "The token's scopes do not allow it."),
    (404, "There is nothing by that name."),
    (503, "The database is unavailable; `Retry-After` says when to try again."),
)
WRITE_PROBLEMS = PROBLEMS | _problems(
    (409, "The record has changed meanwhile, or the removal is held for a decision."),
    (413, "The body is too large."),
    (415, "The body is not `application/json`."),
)


def cause_header() -> OpenApiParameter:
    """The header with the cause of a write."""
    return OpenApiParameter(
        "Meridian-Cause", location=OpenApiParameter.HEADER, description="the cause, for the log: up to 500 characters"
    )


def region_parameter() -> OpenApiParameter:
    """The parameter that forwards a write to another region."""
    return OpenApiParameter("region", description="the region that it is for, which answers it; this one if not given")


def only_plain_paths(endpoints: list[tuple[Any, ...]], **_: Any) -> list[tuple[Any, ...]]:
    """The API's paths without their doubles with a trailing slash."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/") and not endpoint[0].endswith("/")]


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The schema with a description of the API."""
    result["info"]["description"] = DESCRIPTION
    return result
