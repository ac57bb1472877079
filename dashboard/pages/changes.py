"""The changes page."""

from dashboard.page import Gathered, Page
from dashboard.sheet import Sheet


class ChangesPage(Page):
    """The changes."""

    template = "dashboard/changes.html"
    title = "Changes"
    area = "changes"

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """Nothing yet."""
        return Sheet({})
