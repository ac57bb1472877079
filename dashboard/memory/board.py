"""The board: what the dashboard of one process knows, all of it in memory."""

from collections.abc import Callable, Sequence

from catalog.view import View
from dashboard.memory.history import Histories
from dashboard.memory.links import Links
from dashboard.memory.recent import Recent
from dashboard.memory.single_flight import SingleFlight
from dashboard.memory.summary import SummaryCache
from discovery.web.dialect import Dialect
from federation.status import Matrix

MATRIX_EVERY = 1.5  # seconds; shorter than any page's refresh, so that none gets the same matrix twice


class Board:
    """One region's view of the federation, for pages. `home` is the region; `clock` gives wall time.

    `reason` says why a region is not followed at the moment; it is empty when it is. `dialects` are those that the
    region is asked in.
    """

    def __init__(
        self,
        home: str,
        view: View,
        *,
        clock: Callable[[], float],
        reason: Callable[[str], str] = lambda region: "",
        dialects: Sequence[Dialect] = (),
    ) -> None:
        self.home, self.view, self.clock, self.reason = home, view, clock, reason
        self.dialects = dialects
        self.recent = Recent()
        self.histories = Histories()
        self.links = Links()
        self.summaries = SummaryCache(view, home)  # for the thread that renders
        self.matrix: SingleFlight[Matrix] = SingleFlight(MATRIX_EVERY)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of the view: this one first."""
        return (self.home, *sorted(set(self.view.regions) - {self.home}))
