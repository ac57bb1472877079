"""Issuing tokens: creating and revoking them. Nothing else writes the table."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from django.db import Error, IntegrityError, transaction

from catalog.errors import Invalid, NotFound, Unavailable
from catalog.records import names
from registry.access.grant import parse_scopes
from registry.access.process import process_table, ring
from registry.access.secret import hashed, new_secret
from registry.models import Token

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger(__name__)

LONGEST_LIFE = timedelta(days=3660)


def _needing_database(action: Callable[P, R]) -> Callable[P, R]:
    @wraps(action)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return action(*args, **kwargs)
        except IntegrityError:
            raise
        except Error as error:
            raise Unavailable(f"the tokens cannot be written: {error}") from error

    return guarded


@_needing_database
def create_token(
    name: str, scopes: Iterable[str], *, expires_in: float | None, actor: str, now: float
) -> tuple[Token, str]:
    """Make a token; returns its row and the secret, which is kept nowhere and cannot be shown again.

    `expires_in` is in seconds, None for never. Raises Invalid naming the field, and Unavailable.
    """
    if not name:
        raise Invalid("a token needs a name: it stands in the log as who did it", field="name")
    names.word(name, field="name")
    moment = datetime.fromtimestamp(now, UTC)
    token_id, secret = new_secret()
    token = Token(
        id=token_id,
        name=name,
        hash=hashed(secret),
        scopes=" ".join(parse_scopes(scopes)),
        created_at=moment,
        created_by=actor,
        expires_at=None if expires_in is None else moment + _life(expires_in),
    )
    try:
        with transaction.atomic():
            token.save(force_insert=True)
    except IntegrityError:
        raise Invalid(
            f"a token named {name!r} exists already: revoke it or choose another name", field="name"
        ) from None
    log.info("token created", token=name, id=token_id, scopes=token.scopes, actor=actor)
    _spread()
    return token, secret


@_needing_database
def revoke_token(token_id: str, *, actor: str, now: float) -> Token:
    """End a token at once; ending it again changes nothing. Raises NotFound and Unavailable."""
    moment = datetime.fromtimestamp(now, UTC)
    changed = Token.objects.filter(id=token_id, revoked_at=None).update(revoked_at=moment, revoked_by=actor[:255])
    token = Token.objects.filter(id=token_id).first()
    if token is None:
        raise NotFound(f"there is no token with the id {token_id[:80]!r}")
    if changed:
        log.info("token revoked", token=token.name, id=token_id, actor=actor)
        _spread()
    return token


def find_token(name_or_id: str) -> Token:
    """The token with that id, or the usable one with that name. Raises NotFound."""
    token = (
        Token.objects.filter(id=name_or_id).first() or Token.objects.filter(name=name_or_id, revoked_at=None).first()
    )
    if token is None:
        raise NotFound(f"there is no token with the id or name {name_or_id[:80]!r}")
    return token


def _life(expires_in: float) -> timedelta:
    life = timedelta(seconds=expires_in)
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise Invalid("must lie in the future, and within ten years", field="expires_in")
    return life


def _spread() -> None:
    """This process knows at once; the others are rung, and look every few seconds anyway."""
    process_table().reload()
    ring()
