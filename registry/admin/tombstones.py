"""Tombstones in the admin site."""

from django.contrib import admin

from registry.admin.display import moment
from registry.admin.record import RecordAdmin
from registry.models import Tombstone


@admin.register(Tombstone)
class TombstoneAdmin(RecordAdmin[Tombstone]):
    """Which registrations were removed, so that nothing older brings them back."""

    list_display = ("key", "region", "epoch", "removed", "index")
    search_fields = ("key",)
    ordering = ("-index",)

    @admin.display(description="removed", ordering="at")
    def removed(self, tombstone: Tombstone) -> str:
        """How long ago."""
        return moment(tombstone.at)
