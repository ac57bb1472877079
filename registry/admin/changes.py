"""Changes in the admin site: the log, to be read."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.text import Truncator

from registry.admin.display import badge, difference_table, moment
from registry.admin.record import RecordAdmin
from registry.api.resources.changes import previous
from registry.log.diff import difference
from registry.models import ChangeRow

LONGEST_CAUSE = 80  # characters of it in the list


@admin.register(ChangeRow)
class ChangeAdmin(RecordAdmin[ChangeRow]):
    """Who did what, when and why, newest first."""

    list_display = ("index", "when", "verb_shown", "subject", "cause_shown", "actor")
    list_display_links = ("index", "subject")
    list_filter = ("verb", "region")
    search_fields = ("key", "actor", "cause")
    search_help_text = "Words in the key, the actor or the cause"
    ordering = ("-index",)
    fieldsets = (
        (None, {"fields": ("index", "when", "verb_shown", "key", "actor", "cause", "region")}),
        ("What it changed", {"fields": ("before_index", "changed")}),
        ("For comparing copies", {"classes": ("collapse",), "fields": ("digest", "whole_record")}),
    )
    readonly_fields = ("when", "verb_shown", "before_index", "changed", "whole_record")

    @admin.display(description="when", ordering="at")
    def when(self, row: ChangeRow) -> str:
        """How long ago."""
        return moment(row.at)

    @admin.display(description="verb", ordering="verb")
    def verb_shown(self, row: ChangeRow) -> str:
        """What was done, marked when the record is gone after it."""
        return format_html("{} {}", row.verb, badge("removed")) if row.record is None else row.verb

    @admin.display(description="record", ordering="key")
    def subject(self, row: ChangeRow) -> str:
        """The key without what goes without saying."""
        return row.key.removeprefix("instance/").removeprefix("default/")

    @admin.display(description="cause")
    def cause_shown(self, row: ChangeRow) -> str:
        """Its beginning; the whole is on the page of the change."""
        return format_html('<span title="{}">{}</span>', row.cause, Truncator(row.cause).chars(LONGEST_CAUSE))

    @admin.display(description="the change before of this record")
    def before_index(self, row: ChangeRow) -> str:
        """Its index; none when it is the first, or history ends."""
        before = previous(row)
        return str(before.index) if before else "none that history still holds"

    @admin.display(description="difference")
    def changed(self, row: ChangeRow) -> str:
        """Fields before and after."""
        before = previous(row)
        return difference_table(difference(before.change.record if before else None, row.change.record))

    @admin.display(description="record")
    def whole_record(self, row: ChangeRow) -> str:
        """As it stands in the log."""
        return format_html('<code class="mono">{}</code>', row.record or "removed")
