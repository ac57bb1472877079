"""Roles: what a person who has signed in may do.

A role is a group of its name. The table says which of the framework's permissions it has. The groups are made, and
completed, each time that tables were migrated: what an administrator gave a group besides stays, what was taken from
one comes back. Make another group for that.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models.signals import post_migrate


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
# What each role may do besides what the one before may. Users and tokens are not for every role to see: of a user
# the admin site shows the hash of the password, of a token who holds it.
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

    None for a user who has not signed in or was deactivated.
    """
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMINISTRATOR
    groups = set(user.groups.values_list("name", flat=True))
    return next((role for role in reversed(Role) if role.value in groups), Role.VIEWER)


def keep_groups() -> None:
    """Complete the groups after each migration from now on."""
    post_migrate.connect(complete_groups, sender=installed.get_app_config("auth"), dispatch_uid="meridian.roles")


def complete_groups(*, using: str = DEFAULT_DB_ALIAS, apps: Apps = installed, **_: Any) -> None:
    """Give each role's group the permissions that it lacks. Does nothing while there are no groups to give them to."""
    try:
        groups, known = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:
        return  # the users' tables were migrated away
    if not router.allow_migrate_model(using, groups):
        return
    for label in APPS:
        # The framework makes them in the same way, after the tables of each app, and in no order to rely on.
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    found = known.objects.using(using).filter(content_type__app_label__in=APPS).select_related("content_type")
    by_name = {f"{one.content_type.app_label}.{one.codename}": one for one in found}
    for role in Role:
        group, _made = groups.objects.using(using).get_or_create(name=role.value)
        group.permissions.add(*(by_name[name] for name in permissions(role) if name in by_name))
