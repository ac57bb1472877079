"""Errors as `application/problem+json` (RFC 9457) that name the field."""

import math
from typing import Any

import msgspec
import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import errors
from registry.api.shapes.problem import Complaint, Problem
from registry.problems import CONTENT_TYPE, INTERNAL, MEANINGS, TYPE, Meaning

log = structlog.get_logger(__name__)

RETRY_AFTER = 1.0  # seconds; how long the database will be down is not known

# Exceptions by the problem they become.
MEANING: tuple[tuple[type[Exception], Meaning], ...] = (
    *MEANINGS.items(),
    (OperationalError, MEANINGS[errors.Unavailable]),
    (InterfaceError, MEANINGS[errors.Unavailable]),
    (Http404, MEANINGS[errors.NotFound]),
    (PermissionDenied, ("forbidden", 403, "This is not allowed")),
)
# Titles for exceptions of the framework, by status.
FRAMEWORK: dict[int, tuple[str, str]] = {
    400: ("invalid", "The request breaks a rule"),
    401: ("unauthenticated", "A token is needed"),
    403: ("forbidden", "This is not allowed"),
    404: ("not-found", "Nothing by that name is registered"),
    405: ("method-not-allowed", "The path does not take this method"),
    406: ("not-acceptable", "This is answered as JSON only"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body must be application/json"),
}
REFUSALS = frozenset({401, 403})


class TooLarge(exceptions.APIException):
    """The body is larger than any valid one."""

    status_code = 413
    default_code = "too_large"


def problem(slug: str, status: int, title: str, detail: str, *, field: str = "") -> Problem:
    """The body of a problem. `field` is the path of what is wrong in the request."""
    return Problem(type=TYPE + slug, title=title, status=status, detail=detail, field=field)


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. A refusal is logged with the caller."""
    response = _respond(error, context)
    if response.status_code in REFUSALS:
        _log_refusal(response, context["request"])
    return response


def _respond(error: Exception, context: dict[str, Any]) -> Response:
    """The details of an unexpected exception are in the log alone."""
    for kind, (slug, status, title) in MEANING:
        if isinstance(error, kind):
            return _answer(problem(slug, status, title, _detail(error), field=getattr(error, "field", "")), error)
    if isinstance(error, exceptions.ValidationError):
        return _answer(_validation_problem(error), error)
    if isinstance(error, exceptions.APIException):
        slug, title = FRAMEWORK.get(error.status_code, ("refused", "This cannot be answered"))
        return _answer(problem(slug, error.status_code, title, str(error.detail)), error)
    log.error("a request failed", path=context["request"].path, exc_info=error)
    slug, status, title = INTERNAL
    return _answer(
        problem(slug, status, title, "what went wrong is in the server's log, under the request's id"), error
    )


def not_found(request: HttpRequest, **_: Any) -> HttpResponse:
    """404 for an unknown path under `/api/v1/`."""
    detail = f"{request.path[:200]} is not part of the API: see /api/v1/docs"
    body = problem("no-such-path", 404, "Nothing lives at this path", detail)
    return HttpResponse(msgspec.json.encode(body), status=404, content_type=CONTENT_TYPE)


def _log_refusal(response: Response, request: Request) -> None:
    grant = getattr(request, "_auth", None)  # asking for `auth` would authenticate once more, and fail once more
    log.warning(
        "request refused",
        status=response.status_code,
        method=request.method,
        path=request.path,
        address=request.META.get("REMOTE_ADDR"),
        by=str(grant) if grant else None,
        detail=response.data.detail,
    )


def _detail(error: Exception) -> str:
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("the database does not answer", error=str(error))
        return "the database does not answer, and nothing was done; /services goes on answering from memory"
    return str(error) or "there is nothing here"


def _validation_problem(error: exceptions.ValidationError) -> Problem:
    complaints = tuple(Complaint(*found) for found in _complaints(error.detail, ""))
    first = problem("invalid", 400, "The request breaks a rule", complaints[0].detail, field=complaints[0].field)
    return msgspec.structs.replace(first, errors=complaints) if len(complaints) > 1 else first


def _complaints(detail: Any, path: str) -> Any:
    """A serializer's errors, nested as they are, as pairs of path and text."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from _complaints(inner, f"{path}.{name}" if path and name else path or name)
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _complaints(inner, f"{path}[{number}]" if nested else path)
    else:
        yield path, str(detail)


def _answer(body: Problem, error: Exception) -> Response:
    status = body.status
    response = Response(body, status=status, content_type=CONTENT_TYPE)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="meridian"'
    if status in (429, 503):
        wait = getattr(error, "retry_after", None) or getattr(error, "wait", None) or RETRY_AFTER
        response["Retry-After"] = str(max(1, math.ceil(wait)))
    return response
