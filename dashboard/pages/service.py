"""The service page."""

from dashboard.page import Gathered, Page
from dashboard.sheet import Sheet


class ServicePage(Page):
    """The service."""

    template = "dashboard/service.html"
    title = "Service"
    area = "services"

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """Nothing yet."""
        return Sheet({})
