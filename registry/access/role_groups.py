"""The groups that roles are: made, and completed, each time that tables were migrated.

What an administrator gave a group besides stays. What was taken from one comes back: make another group for that.
"""

from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models.signals import post_migrate

from registry.access.roles import APPS, Role, permissions


def keep_groups() -> None:
    """See to it from now on."""
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
