"""Viewers: who looks at a page, and what they may do."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError

from registry.access.roles import Role, role_of

logger = structlog.get_logger(__name__)


class Viewer(msgspec.Struct, frozen=True):
    """`role` is None for somebody who has not signed in. `known` is false when the database could not be asked."""

    name: str = ""
    role: Role | None = None
    known: bool = True

    @property
    def may_correct(self) -> bool:
        """Whether overrides, removals and decisions are theirs to make."""
        return self.known and self.role is not None and self.role.may_correct

    @property
    def may_administer(self) -> bool:
        """Whether tokens, peers and users are."""
        return self.known and self.role is not None and self.role.may_administer

    def may_read(self, is_open: bool) -> bool:
        """Whether the pages are shown to them."""
        return is_open or self.role is not None


async def identify(user: Callable[[], Awaitable[Any]], ticket: Viewer | None) -> Viewer:
    """Who it is: as the database says, or, while it is away, as their ticket says, to read and no more."""
    try:
        found = await user()
        role = await _role(found)
        return Viewer(found.get_username() if role else "", role)
    except (DatabaseError, OSError) as error:
        logger.info("the database cannot say who looks at a page", reason=str(error))
        shown = ticket or Viewer()
        return Viewer(shown.name, shown.role, known=False)


async def _role(user: Any) -> Role | None:
    return await sync_to_async(role_of)(user)
