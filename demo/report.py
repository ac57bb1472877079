"""Telling a person what the fleet does: one readable line per event."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TextIO

from demo.story import Event, Kind

_WORDS = {
    Kind.FAIL: "fails its health check: {detail}",
    Kind.HANG: "hangs: /health does not answer in time",
    Kind.RECOVER: "is well again",
    Kind.VANISH: "vanishes without deregistering",
    Kind.COME_BACK: "comes back",
    Kind.REPLACE: "starts in place of {detail}, which does not come back",
    Kind.SCALE_UP: "starts in {zone}: the service scales up",
    Kind.SCALE_DOWN: "takes its leave: the service scales down",
    Kind.ROLL_OUT: "rolls out {version}, instance by instance",
    Kind.UPGRADE: "now runs {version}",
}
_FLAPPING_WORDS = {Kind.FAIL: "flaps: down ({detail})", Kind.RECOVER: "flaps: up"}


def sentence(event: Event) -> tuple[str, str]:
    """Who, and what happens to it."""
    plan = event.instance
    words = _WORDS | _FLAPPING_WORDS if plan.flapping else _WORDS
    who = plan.service if event.kind is Kind.ROLL_OUT else plan.id
    return who, words[event.kind].format(detail=event.detail, zone=plan.zone, version=plan.version)


class Report:
    """Writes lines `12:01:07  payment-service-3  vanishes without deregistering`; `quiet` leaves only notices."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = sys.stdout if out is None else out
        self._quiet = quiet
        self._broken = False

    def event(self, now: datetime, event: Event) -> None:
        """One line for `event`."""
        if not self._quiet:
            self._line(now, *sentence(event))

    def notice(self, now: datetime, who: str, what: str) -> None:
        """One line about the fleet as a whole or about the registry."""
        self._line(now, who, what)

    def _line(self, now: datetime, who: str, what: str) -> None:
        if self._broken:
            return
        try:
            print(f"{now:%H:%M:%S}  {who:<26}  {what}", file=self._out, flush=True)
        except OSError:
            # The reader has closed the pipe (`| head`): the fleet goes on without output. What is left in the buffer
            # must still go somewhere, or the interpreter would end with a failure of its own.
            self._broken = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
