"""The page of all standing overrides: what ends soonest comes first."""

from functools import cached_property
from typing import Any

import msgspec

from catalog.override import Override, is_live
from catalog.whatif import concerned
from dashboard.corrections.words import override_words, says
from dashboard.page import Gathered, Page, part
from dashboard.sheet import Sheet

SHOWN = 500


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One override as a row shows it; `number` of instances concerned, whatever it does to them."""

    override: Override
    about: str
    says: str
    number: int
    is_ours: bool


class OverridesPage(Page):
    """This region's overrides, which can be undone here, and those of others as far as they are mirrored."""

    template = "dashboard/correct_overrides.html"
    title = "Overrides"
    area = "overrides"
    every = 5.0

    @cached_property
    def drawn(self) -> dict[str, Any]:
        """The overrides of each region as they were when the page was last drawn."""
        return {}

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """Only when overrides differ; how many instances they concern is counted every few seconds."""
        return self.board.view.region(region).overrides is not self.drawn.get(region)

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """The list and its sums."""
        lines = self.lines(now)
        lasting = sum(line.override.expires_at is None for line in lines)
        about = {
            "total": len(lines), "ours": sum(line.is_ours for line in lines), "lasting": lasting,
            "shown": min(len(lines), SHOWN), "home": self.board.home,
        }  # fmt: skip
        rows = {f"{line.override.region}/{line.override.id}": line for line in lines[:SHOWN]}
        return Sheet(
            {
                "overrides-counts": part("correct_overrides_counts.html", about),
                "overrides-empty": "" if lines else part("correct_overrides_empty.html", about),
            },
            {"overrides": {key: part("correct_overrides_row.html", {"line": line}) for key, line in rows.items()}},
        )

    def lines(self, now: float) -> list[Line]:
        """All that count now, of every region: the soonest end first, what never ends by itself last."""
        home, view = self.board.home, self.board.view
        found = []
        for region in self.board.regions:
            standing = self.drawn[region] = view.region(region).overrides
            found += [override for override in standing if is_live(override, now)]
        found.sort(key=lambda one: (one.expires_at is None, one.expires_at or 0.0, one.created_at, one.id))
        return [
            Line(
                override=one, about=override_words(one, home), says=says(one.status, one.weight),
                number=len(concerned(view, one)), is_ours=one.region == home,
            )
            for one in found
        ]  # fmt: skip
