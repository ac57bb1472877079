"""An answer as it goes over an HTTP/1.1 connection: one string of bytes, rebuilt only when the date has changed."""

from http import HTTPStatus

from registry.asgi import Headers, Message


class Wire:
    """The bytes of an answer, from its ASGI message and its body."""

    __slots__ = ("_body", "_stamp", "_start", "_whole")

    def __init__(self, start: Message, body: bytes = b"") -> None:
        self._start, self._body = start, body
        self._stamp: Headers | None = None
        self._whole = b""

    def at(self, stamp: Headers) -> bytes:
        """The answer with the headers that a server puts into each: the date above all.

        `stamp` is compared by identity: a server makes a new list whenever its content changes.
        """
        if stamp is not self._stamp:
            self._whole = self._written(stamp)
            self._stamp = stamp
        return self._whole

    def _written(self, stamp: Headers) -> bytes:
        status = HTTPStatus(self._start["status"])
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        lines += [b"%s: %s" % header for header in (*stamp, *self._start["headers"])]
        return b"\r\n".join((*lines, b"", self._body))
