"""What every Django request gets: an id in its logs and its answer, and a strict content security policy."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

Respond = Callable[[HttpRequest], HttpResponse]

GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# The API page's own stylesheet is set inline by its script.
DOCS_POLICY = POLICY + "; style-src 'self' 'unsafe-inline'"


def request_id(given: str | None) -> str:
    """The caller's own id where it is harmless to log, else a new one."""
    if given is not None and GIVEN_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


class RequestId:
    """Binds `request_id` to every log line written while a request is answered, and returns it as `X-Request-ID`."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request_id(request.headers.get("X-Request-ID"))
        with structlog.contextvars.bound_contextvars(request_id=name):
            response = self.respond(request)
        response.headers["X-Request-ID"] = name
        return response


class ContentSecurityPolicy:
    """Pages load scripts, styles and pictures from this server alone, and cannot be framed."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.respond(request)
        policy = DOCS_POLICY if request.path.startswith("/api/v1/docs") else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
