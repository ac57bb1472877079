"""The overview page."""

from dashboard.page import Gathered, Page
from dashboard.sheet import Sheet


class OverviewPage(Page):
    """The overview."""

    template = "dashboard/overview.html"
    title = "Overview"
    area = "overview"

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """Nothing yet."""
        return Sheet({})
