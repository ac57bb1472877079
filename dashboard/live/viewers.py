"""Viewers: who reads a page, and what they may do."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError

from registry.access.roles import Role, role_of

logger = structlog.get_logger(__name__)


class Viewer(msgspec.Struct, frozen=True):
    """`role` is None for a viewer who has not signed in. `verified` is false when the database could not be asked."""

    name: str = ""
    role: Role | None = None
    verified: bool = True

    @property
    def may_correct(self) -> bool:
        """Whether they may set overrides, remove instances and decide holds."""
        return self.verified and self.role is not None and self.role.may_correct

    @property
    def may_administer(self) -> bool:
        """Whether they may manage tokens, peers and users."""
        return self.verified and self.role is not None and self.role.may_administer

    def may_read(self, is_open: bool) -> bool:
        """Whether they may read the pages."""
        return is_open or self.role is not None


async def identify(user: Callable[[], Awaitable[Any]], ticket: Viewer | None) -> Viewer:
    """The viewer, by the session in the database; while that is unavailable by their ticket, for reading only."""
    try:
        found = await user()
        role = await sync_to_async(role_of)(found)
        return Viewer(found.get_username() if role else "", role)
    except (DatabaseError, OSError) as error:
        logger.info("a viewer cannot be looked up in the database", reason=str(error))
        shown = ticket or Viewer()
        return Viewer(shown.name, shown.role, verified=False)
