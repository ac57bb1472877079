"""The federation page."""

from dashboard.page import Gathered, Page
from dashboard.sheet import Sheet


class FederationPage(Page):
    """The federation."""

    template = "dashboard/federation.html"
    title = "Federation"
    area = "federation"

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """Nothing yet."""
        return Sheet({})
