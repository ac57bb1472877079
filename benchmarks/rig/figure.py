"""A figure: what a benchmark measured, beside what was promised."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. `target` is a bound from below when `at_least`, else from above; None promises nothing.

    `note` says what lies behind the value: the absolute rates of a ratio, or why a target is missed.
    """

    name: str
    value: float
    unit: str = ""
    target: float | None = None
    at_least: bool = True
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the promise is kept; None when there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        bound = "" if self.target is None else f"{'≥' if self.at_least else '≤'} {self.target:g}"
        verdict = {None: "", True: "yes", False: "NO"}[self.reached]
        return f"{self.name:<58} {self.value:>10.3f} {self.unit:<3} {bound:>8} {verdict:>4}  {self.note}"
