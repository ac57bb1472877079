"""Authentication: a token, a session of the admin site, or none where a region on loopback is open."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from registry.access import Grant, presented
from registry.access.door import refuse_other_sites
from registry.access.grant import Kind
from registry.access.process import process_table
from registry.access.roles import ADMINISTERING, CORRECTING
from registry.forwarding import FORWARDED, Origin

RELOAD_AFTER = 5.0  # seconds; the doorbell makes servers reload sooner

# The scopes of a signed-in user, by the permissions that `registry.access.roles` gives.
STAFF = frozenset({"read"})
WRITER = frozenset({"read", "write:*"})
CORRECTOR = frozenset({"read", "write:*", "correct"})
SUPERUSER = frozenset({"operator"})
BY_PERMISSIONS = (  # the first that the user has all of
    (ADMINISTERING, SUPERUSER),
    (CORRECTING, CORRECTOR),
    ({"registry.change_instancerow"}, WRITER),
)


class CallerAuthentication(SessionAuthentication):
    """Sets `request.auth` to a Grant: of the token, else of the session, else of the open region."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser | AnonymousUser, Grant] | None:
        """See DRF. Raises Unauthenticated, Forbidden, Unavailable."""
        origin = origin_of(request)
        if origin is not None:
            return AnonymousUser(), Grant(Kind.PEER, origin.actor, SUPERUSER)
        table = process_table()
        table.reload_if_older(RELOAD_AFTER)
        secret = presented(request.headers.get("Authorization"), request.headers.get("X-Consul-Token"))
        if secret is not None:
            return AnonymousUser(), table.authenticate(secret)
        signed_in = super().authenticate(request)  # requires the CSRF token with a session
        if signed_in is not None:
            return signed_in[0], grant_of(signed_in[0])
        grant = table.authenticate(None)
        _refuse_other_sites(request)
        return AnonymousUser(), grant


def grant_of(user: AbstractBaseUser | AnonymousUser) -> Grant:
    """What a signed-in user may do through the API."""
    scopes = frozenset[str]()
    if user.is_active and getattr(user, "is_staff", False):
        scopes = STAFF
        if isinstance(user, PermissionsMixin):
            scopes = next((given for needed, given in BY_PERMISSIONS if user.has_perms(needed)), STAFF)
    return Grant(Kind.ADMIN, user.get_username(), scopes)


def origin_of(request: Request) -> Origin | None:
    """The origin of a request that a peer has authorized and forwarded; None for all others."""
    scope: dict[str, Any] = getattr(request._request, "scope", {})
    return scope.get(FORWARDED)


def address_of(request: Request) -> str:
    """The caller's address as the server saw it; headers of proxies are not trusted."""
    return str(request.META.get("REMOTE_ADDR") or "unknown")


def _refuse_other_sites(request: Request) -> None:
    origin = request.headers.get("Origin")
    if origin is not None:
        refuse_other_sites(str(request.method), origin, request.get_host())


class CallerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The authentication in the schema."""

    target_class = CallerAuthentication
    name = ["token", "session"]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        """A token or a session."""
        return [
            {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer mrd_…`, or `X-Consul-Token`"},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "a signed-in user of the admin site",
            },
        ]
