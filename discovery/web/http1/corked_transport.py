"""A transport that sends what is written in one turn of the loop at once.

An answer is written in two parts, its head and its body. Sent one by one they are two system calls, two packets, and
for the client two arrivals; so the first write of a turn opens a batch, and the turn's end sends it.
"""

import asyncio
from typing import Any


class Corked:
    """As much of a transport as uvicorn's protocols use, around one of an event loop."""

    __slots__ = (
        "_loop",
        "_written",
        "abort",
        "get_extra_info",
        "inner",
        "is_closing",
        "pause_reading",
        "resume_reading",
    )

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.inner, self._loop = inner, loop
        self._written: list[Any] = []
        self.is_closing, self.abort, self.get_extra_info = inner.is_closing, inner.abort, inner.get_extra_info
        self.pause_reading, self.resume_reading = inner.pause_reading, inner.resume_reading

    def write(self, data: Any) -> None:
        """Send this soon, after what was written before."""
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def flush(self) -> None:
        """Send now whatever was written."""
        written, self._written = self._written, []
        if written and not self.inner.is_closing():  # the client may have gone since
            self.inner.write(b"".join(written))

    def close(self) -> None:
        """Close once everything that was written is sent."""
        self.flush()
        self.inner.close()
