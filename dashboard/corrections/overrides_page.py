"""The page of all standing overrides: what ends soonest comes first."""

from functools import cached_property
from typing import Any

import msgspec

from catalog.records.override import Override
from catalog.whatif import concerned
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from registry.corrections.words import effect_words, override_words

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

    def content(self, gathered: Gathered, now: float) -> Content:
        """The list and its sums."""
        home, standing = self.board.home, self.standing(now)
        about = {
            "total": len(standing), "ours": sum(one.region == home for one in standing),
            "lasting": sum(one.expires_at is None for one in standing), "shown": min(len(standing), SHOWN),
            "home": home,
        }  # fmt: skip
        rows = {f"{one.region}/{one.id}": self._line(one) for one in standing[:SHOWN]}
        return Content(
            {
                "overrides-counts": part("correct_overrides_counts.html", about),
                "overrides-empty": "" if standing else part("correct_overrides_empty.html", about),
            },
            {"overrides": {key: part("correct_overrides_row.html", {"line": line}) for key, line in rows.items()}},
        )

    def standing(self, now: float) -> list[Override]:
        """All that count now, of every region: the soonest end first, what never ends by itself last."""
        found = []
        for region in self.board.regions:
            standing = self.drawn[region] = self.board.view.region(region).overrides
            found += [override for override in standing if override.is_live(now)]
        return sorted(found, key=lambda one: (one.expires_at is None, one.expires_at or 0.0, one.created_at, one.id))

    def _line(self, one: Override) -> Line:
        return Line(
            override=one, about=override_words(one, self.board.home), says=effect_words(one.status, one.weight),
            number=len(concerned(self.board.view, one)), is_ours=one.region == self.board.home,
        )  # fmt: skip
