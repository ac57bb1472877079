"""The access log: a line in the log for each exchange that is worth one."""

import time

import structlog

from registry.asgi import Scope

SLOW = 1.0  # seconds after which an exchange is worth a line in the log
MOST_LINES = 20  # a second: when everything fails, the log must not make it worse

logger = structlog.get_logger(__name__)


def log_exchange(scope: Scope, id: str, status: int, began: float) -> None:
    """One line for an exchange that failed or took long; what waited on purpose did not take long.

    `began` is when, by `time.perf_counter`.
    """
    took = time.perf_counter() - began
    slow = took > SLOW and not scope.get("parked")
    if scope.get("quiet") or (status < 500 and not slow):
        return
    level = logger.warning if status >= 500 else logger.info
    left_out = lines.admit(began)
    if left_out is None:
        return
    level(
        "request", method=scope["method"], path=scope["path"][:200], status=status, ms=round(took * 1000, 1),
        client=(scope.get("client") or ("",))[0], request=id, **({"left_out": left_out} if left_out else {}),
    )  # fmt: skip


def log_failure(scope: Scope, id: str, error: BaseException) -> None:
    """A defect, with its traceback; the client gets the id."""
    logger.error("a request failed", path=scope["path"], request=id, exc_info=error)


class Lines:
    """Lets some lines a second into the log, and counts those that it leaves out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._second, self._number, self._left_out = 0, 0, 0

    def admit(self, now: float) -> int | None:
        """How many were left out before this one, or None when this one is left out as well."""
        if int(now) != self._second:
            self._second, self._number = int(now), 0
        if self._number >= self._most:
            self._left_out += 1
            return None
        self._number += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


lines = Lines(MOST_LINES)
