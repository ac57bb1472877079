"""A token as it is asked for, listed, and issued."""

from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from catalog.records.registration import Length
from registry.api.shapes.fields import Moment, Text, copied
from registry.models import Token
from registry.timestamps import iso

MOMENTS = ("created_at", "expires_at", "revoked_at", "last_used_at")


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token as it is asked for."""

    name: Text
    scopes: list[str]
    expires_at: Moment | None = None
    expires_in: Annotated[Length | None, Meta(description="such as `90d`, in place of `expires_at`")] = None


class TokenShape(Struct, frozen=True, kw_only=True):
    """A token without its secret."""

    id: str
    name: str
    scopes: list[str]
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None

    @classmethod
    def of(cls, token: Token, **rest: Any) -> Self:
        """A row of the table."""
        moments = {name: getattr(token, name) for name in MOMENTS}
        told = {name: iso(moment.timestamp()) if moment else None for name, moment in moments.items()}
        return copied(cls, token, scopes=token.scopes.split(), **told, **rest)


class IssuedTokenShape(TokenShape, frozen=True, kw_only=True):
    """A token with its secret, which is shown this once."""

    secret: str
