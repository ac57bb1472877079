"""A ticket: a signed cookie that every page sets and a live connection has to show.

It says who loaded the page. A browser that never loaded one has none; a foreign site cannot make one. While the
database, and with it every session, is unavailable, a closed dashboard is read by ticket.
"""

from django.core import signing
from django.http import HttpRequest, HttpResponse

from dashboard.live.viewers import Viewer
from registry.access.roles import Role

COOKIE = "meridian_ticket"
SALT = "meridian.dashboard.ticket"
VALID = 12 * 3600  # seconds: a shift


def issue(response: HttpResponse, viewer: Viewer, *, secure: bool) -> None:
    """Set the viewer's ticket on a response."""
    value = signing.dumps([viewer.name, viewer.role.value if viewer.role else ""], salt=SALT)
    response.set_cookie(COOKIE, value, max_age=VALID, httponly=True, samesite="Strict", secure=secure, path="/")


def withdraw(response: HttpResponse) -> None:
    """Delete the ticket of a viewer who has signed out."""
    response.delete_cookie(COOKIE, path="/", samesite="Strict")


def read(value: str | None) -> Viewer | None:
    """The viewer of a ticket; None when it is forged, expired or missing."""
    if not value:
        return None
    try:
        name, role = signing.loads(value, salt=SALT, max_age=VALID)
    except (signing.BadSignature, ValueError):
        return None
    return Viewer(name, Role(role) if role else None)


def of(request: HttpRequest) -> Viewer | None:
    """The viewer of the ticket that a request carries."""
    return read(request.COOKIES.get(COOKIE))
