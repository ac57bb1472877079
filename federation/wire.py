"""What travels between regions: lines of JSON in a compressed stream, flushed whenever there is nothing more to say.

A line is either a change, exactly as logs and snapshots hold it, or a beat, which says how far the log goes and how
fresh the sender's copy of it is. One compression context lasts for a whole stream: changes resemble each other, and
after the first few each costs little more than its digest and its names.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from catalog.change import Change, decode_change, encode_lines
from catalog.errors import CatalogError, Invalid

CHANGES = "application/vnd.meridian.changes"
SNAPSHOT = "application/vnd.meridian.snapshot"
JSON = "application/json"
LEVEL = 6  # zlib's own middle: 9 saves two bytes in a hundred and takes twice the time
LONGEST_LINE = 1 << 20

# Latitude and longitude in degrees.
Place = tuple[Annotated[float, msgspec.Meta(ge=-90, le=90)], Annotated[float, msgspec.Meta(ge=-180, le=180)]]


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="beat"):
    """How far a log goes. `ago` is the seconds since the sender's last contact with the log's origin, None for never;
    `path` the regions that it came through, the origin first and the sender last."""

    log_id: str
    index: int
    ago: float | None = 0.0
    path: tuple[str, ...] = ()


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a snapshot: whose state follows, and its digest."""

    region: str
    log_id: str
    index: int
    digest: str
    path: tuple[str, ...] = ()


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One log that a region keeps, its own among them; `ago` and `path` as in a beat."""

    region: str
    log_id: str
    index: int
    digest: str
    instances: int
    ago: float | None
    path: tuple[str, ...]
    known: int = 0
    equal: bool | None = None
    diverged: tuple[str, ...] = ()
    reason: str = ""
    held: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the matrix: what a region says that it keeps, and where it is, if it says so."""

    region: str
    logs: tuple[LogEntry, ...]
    place: Place | None = None


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """The digests of a log's state at `index`: of the whole, and of each service."""

    log_id: str
    index: int
    digest: str
    services: dict[str, str]


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What an invited region says of itself: its name, where it is, and the token with which it may be asked."""

    region: str
    url: str
    secret: str


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the token with which the inviting region may be asked from now on."""

    region: str
    secret: str


_beat = msgspec.json.Decoder(Beat)
_encode = msgspec.json.Encoder().encode
BEAT_BEGINS = b'{"kind":"beat"'


class Packing:
    """The sender's end of a stream."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL)

    def pack(self, lines: bytes) -> bytes:
        """Lines as bytes that the other end can read at once."""
        return self._deflate.compress(lines) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """The end of the stream."""
        return self._deflate.flush()


class Unpacking:
    """The receiver's end: whole lines as they become known. Raises Invalid on what no sender sends."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._rest = b""

    @property
    def complete(self) -> bool:
        """Whether the sender ended the stream, rather than the network."""
        return self._inflate.eof

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete."""
        lines: list[bytes] = []
        try:
            while data:
                # In bounded steps: a few bytes on the network can stand for very many in memory.
                self._rest += self._inflate.decompress(data, LONGEST_LINE)
                data = self._inflate.unconsumed_tail
                *whole, self._rest = self._rest.split(b"\n")
                lines += [line for line in whole if line]
                if len(self._rest) > LONGEST_LINE:
                    raise Invalid("a line of the peer's log has no end")
        except zlib.error as error:
            raise Invalid(f"the peer's stream cannot be read: {error}") from None
        return lines


def encode_beat(beat: Beat) -> bytes:
    """A beat as a line."""
    return _encode(beat) + b"\n"


def encode_changes(changes: Sequence[Change]) -> bytes:
    """Changes as lines."""
    return encode_lines(changes)


def decode_line(line: bytes) -> Change | Beat:
    """A line of a stream. Raises Invalid."""
    if not line.startswith(BEAT_BEGINS):
        return decode_change(line)
    try:
        return _beat.decode(line)
    except msgspec.DecodeError as error:
        raise Invalid(f"not a line of a log: {error}") from None


def decode_changes(lines: Iterable[bytes]) -> list[Change]:
    """The lines of a snapshot after its first. Raises Invalid."""
    return [decode_change(line) for line in lines]


def decode_opening(line: bytes) -> Opening:
    """The first line of a snapshot. Raises Invalid."""
    try:
        return msgspec.json.decode(line, type=Opening)
    except msgspec.DecodeError as error:
        raise Invalid(f"a snapshot does not begin so: {error}") from None


class Rejected(CatalogError):
    """The peer does not know this region any more, or not yet."""
