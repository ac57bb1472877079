"""The page of what the breaker holds: open ones first, each with its formula and its members."""

from typing import Any

from dashboard.corrections.holds import Hold, list_holds
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part

NONE = '<p class="muted">Nothing was decided yet.</p>'


class HoldsPage(Page):
    """What waits for a person, and what became of the rest."""

    template = "dashboard/correct_held.html"
    title = "Held"
    area = "overview"
    every = 3.0
    gathers = True

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """Holds are no part of the log: they are asked for again and again."""
        return False

    def gather(self, now: float) -> Any:
        """From the tables."""
        return list_holds()

    def content(self, gathered: Gathered, now: float) -> Content:
        """Both lists."""
        holds: list[Hold] = gathered.value or []
        waiting = [hold for hold in holds if hold.is_open]
        decided = [hold for hold in holds if not hold.is_open]
        about = {"gathered": gathered, "waiting": len(waiting), "decided": len(decided), "home": self.board.home}
        return Content(
            {
                "held-state": part("correct_held_state.html", about),
                "held-none": "" if decided or gathered.at is None else NONE,
            },
            {
                "held-open": {hold.id: part("correct_held_open.html", {"hold": hold}) for hold in waiting},
                "held-decided": {hold.id: part("correct_held_decided.html", {"hold": hold}) for hold in decided},
            },
        )
