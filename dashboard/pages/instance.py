"""The instance page."""

from dashboard.page import Gathered, Page
from dashboard.sheet import Sheet


class InstancePage(Page):
    """The instance."""

    template = "dashboard/instance.html"
    title = "Instance"
    area = "services"

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """Nothing yet."""
        return Sheet({})
