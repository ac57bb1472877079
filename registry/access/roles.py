"""Roles: what a person who has signed in may do.

A role is a group of its name. The table says which of the framework's permissions it has; `registry.role_groups` keeps
the groups so.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Each may do what the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    @property
    def may_correct(self) -> bool:
        """Whether overrides, removals and decisions are theirs to make."""
        return self is not Role.VIEWER

    @property
    def may_administer(self) -> bool:
        """Whether tokens, peers and users are."""
        return self is Role.ADMINISTRATOR


VIEW, ADD, CHANGE, DELETE = "view", "add", "change", "delete"
ALL = (VIEW, ADD, CHANGE, DELETE)
# What each role may do besides what the one before may. Users and tokens are not for everybody to see: of a user the
# admin site shows what its password is hashed with, of a token who holds it.
BY_ROLE: Mapping[Role, Mapping[str, tuple[str, ...]]] = {
    Role.VIEWER: {
        "registry.instancerow": (VIEW,),
        "registry.overriderow": (VIEW,),
        "registry.policyrow": (VIEW,),
        "registry.heldrow": (VIEW,),
        "registry.changerow": (VIEW,),
        "registry.region": (VIEW,),
        "registry.tombstone": (VIEW,),
        "federation.peer": (VIEW,),
    },
    Role.OPERATOR: {
        "registry.instancerow": (ADD, CHANGE, DELETE),  # register, the same over the API, deregister
        "registry.overriderow": (ADD, DELETE),  # set, clear
        "registry.policyrow": (ADD, DELETE),  # set, clear
        "registry.heldrow": (CHANGE,),  # approve or reject
        "federation.peer": (CHANGE,),  # approve what is held of its mirror
    },
    Role.ADMINISTRATOR: {
        "registry.token": (VIEW, ADD, DELETE),  # make, revoke
        "federation.peer": (ADD, DELETE),  # invite and accept, revoke
        "auth.user": ALL,
        "auth.group": ALL,
    },
}
APPS = tuple(sorted({table.partition(".")[0] for tables in BY_ROLE.values() for table in tables}))


def permissions(role: Role) -> frozenset[str]:
    """The permissions of a role, as the framework names them: `registry.add_overriderow`."""
    order = list(Role)
    return frozenset(
        f"{app}.{action}_{model}"
        for lower in order[: order.index(role) + 1]
        for table, actions in BY_ROLE[lower].items()
        for app, model in (table.split("."),)
        for action in actions
    )


CORRECTING = permissions(Role.OPERATOR) - permissions(Role.VIEWER)
ADMINISTERING = permissions(Role.ADMINISTRATOR) - permissions(Role.OPERATOR)


def role_of(user: Any) -> Role | None:
    """A user's role: by their group, an administrator if they are a superuser, a viewer if nothing is said.

    None for whoever has not signed in, or may not any more.
    """
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMINISTRATOR
    groups = set(user.groups.values_list("name", flat=True))
    return next((role for role in reversed(Role) if role.value in groups), Role.VIEWER)
