"""The page of one change: what was done, by whom and why, and what it changed."""

from typing import Any

from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.pages.changes import entry_context
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
        """The region of its log."""
        return self.arguments["region"]

    @property
    def index(self) -> int:
        """Its index in the log."""
        return int(self.arguments["index"])

    @property
    def heading(self) -> str:
        """Its index and region."""
        return f"Change {self.index} of {self.region}"

    def found(self) -> bool:
        """Whether the log has reached its index."""
        return 0 < self.index <= self.board.view.region(self.region).index

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """An entry never changes; the page waits only for one that is still to come."""
        return region == self.region and not self.found()

    def gather(self, now: float) -> Any:
        """The entry, from the tables."""
        return history.one_entry(self.region, self.index)

    def content(self, gathered: Gathered, now: float) -> Content:
        """The entry, or why it cannot be shown."""
        entry = self.board.recent.find(self.region, self.index) or gathered.value
        head = self.board.view.region(self.region).index
        context = {"gathered": gathered, "region": self.region, "index": self.index, "head": head}
        if entry is None:
            return Content({"change": part("change_missing.html", context)})
        return Content({"change": part("change_entry.html", {**context, **entry_context(entry)})})
