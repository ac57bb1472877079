"""Regions in the admin site."""

from django.contrib import admin

from registry.admin.display import badge
from registry.admin.record import RecordAdmin
from registry.models import Region


@admin.register(Region)
class RegionAdmin(RecordAdmin[Region]):
    """Where each region's log stands."""

    list_display = ("name", "whose", "index", "floor", "digest_shown", "log_id")
    search_fields = ("name",)

    @admin.display(description="whose")
    def whose(self, region: Region) -> str:
        """Ours, or a mirror."""
        return badge("this region" if region.is_local else "a mirror", "live" if region.is_local else "quiet")

    @admin.display(description="digest")
    def digest_shown(self, region: Region) -> str:
        """Its beginning, enough to compare by eye."""
        return f"{region.digest[:16]}…"
