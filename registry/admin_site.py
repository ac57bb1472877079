"""The admin site itself: its name, and the order in which its tables are offered."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest

# What an operator comes for stands first.
ORDER = ("InstanceRow", "OverrideRow", "PolicyRow", "HeldRow", "ChangeRow", "Token", "Region", "Tombstone")

APPS = ("registry", "federation")


class MeridianSite(AdminSite):
    """One region's admin site."""

    site_title = "Meridian"
    site_url = "/dashboard/"
    index_title = "The catalog of this region"
    enable_nav_sidebar = False  # the lists need the width
    site_header = f"Meridian · region {settings.MERIDIAN.region}"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The registry before the users, its tables in the order above."""
        apps = list(super().get_app_list(request, app_label))
        for app in apps:
            app["models"].sort(key=lambda table: _place(table["object_name"]))
        return sorted(apps, key=lambda app: APPS.index(app["app_label"]) if app["app_label"] in APPS else len(APPS))


class MeridianAdminConfig(AdminConfig):
    """Django's admin app with this site as its default one."""

    default_site = "registry.admin_site.MeridianSite"


def _place(table: str) -> int:
    return ORDER.index(table) if table in ORDER else len(ORDER)
