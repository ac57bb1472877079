"""A ticket: a signed cookie that every page sets, and that a live connection has to show.

It says who was given the page. A browser that never loaded one has none; a foreign site cannot make one. While the
database is away, and sessions with it, it is what a closed dashboard goes by for reading.
"""

from django.core import signing
from django.http import HttpRequest, HttpResponse

from dashboard.live.viewers import Viewer
from registry.access.roles import Role

COOKIE = "meridian_ticket"
SALT = "meridian.dashboard.ticket"
VALID = 12 * 3600  # seconds: a shift


def issue(response: HttpResponse, viewer: Viewer, *, secure: bool) -> None:
    """Put the viewer's ticket into an answer."""
    value = signing.dumps([viewer.name, viewer.role.value if viewer.role else ""], salt=SALT)
    response.set_cookie(COOKIE, value, max_age=VALID, httponly=True, samesite="Strict", secure=secure, path="/")


def withdraw(response: HttpResponse) -> None:
    """Take the ticket away: who showed it has signed out."""
    response.delete_cookie(COOKIE, path="/", samesite="Strict")


def read(value: str | None) -> Viewer | None:
    """Whose ticket this is; None when it is none of ours, or too old."""
    if not value:
        return None
    try:
        name, role = signing.loads(value, salt=SALT, max_age=VALID)
    except (signing.BadSignature, ValueError):
        return None
    return Viewer(name, Role(role) if role else None)


def of(request: HttpRequest) -> Viewer | None:
    """The ticket that a request shows."""
    return read(request.COOKIES.get(COOKIE))
