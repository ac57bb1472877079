"""The page of one change: what was done, by whom and why, and what it changed."""

from typing import Any

from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.pages.changes import shown
from registry.log import history


class ChangePage(Page):
    """One entry of a region's log, at an address that can be shared."""

    template = "dashboard/change.html"
    title = "Change"
    area = "changes"
    every = 60.0
    gathers = True

    @property
    def region(self) -> str:
        """Whose log it is in."""
        return self.arguments["region"]

    @property
    def index(self) -> int:
        """Where in the log."""
        return int(self.arguments["index"])

    @property
    def heading(self) -> str:
        """Its place."""
        return f"Change {self.index} of {self.region}"

    def found(self) -> bool:
        """Whether the log has got as far."""
        return 0 < self.index <= self.board.view.region(self.region).index

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """What is in a log stays as it is."""
        return region == self.region and not self.found()

    def gather(self, now: float) -> Any:
        """The entry in the tables."""
        return history.one_entry(self.region, self.index)

    def content(self, gathered: Gathered, now: float) -> Content:
        """The entry, or why it cannot be shown."""
        entry = self.board.recent.find(self.region, self.index) or gathered.value
        head = self.board.view.region(self.region).index
        context = {"gathered": gathered, "region": self.region, "index": self.index, "head": head}
        if entry is None:
            return Content({"change": part("change_missing.html", context)})
        return Content({"change": part("change_entry.html", {**context, **shown(entry)})})
