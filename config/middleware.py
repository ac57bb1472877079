"""What every Django request gets: an id in its logs and its answer, and a strict content security policy."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from registry.asgi import request_id

Respond = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# The API page's own stylesheet is set inline by its script.
DOCS_POLICY = POLICY + "; style-src 'self' 'unsafe-inline'"


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
