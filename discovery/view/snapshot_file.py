"""The view's copy on disk: what a process answers from when it starts while the database is down.

The format is a header line and then one change to a line, as snapshots travel. The header's digest tells whether the
rest is whole, so a file cut short by a full disk is noticed and not served.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec

from catalog.change import Change, Head, Position, decode_change, encode_lines
from catalog.errors import Invalid
from catalog.log import Snapshot

CHUNK = 500  # changes read or written in one go, so that others get the interpreter in between


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: whose state follows, at which position, and when it was known to be current (wall clock)."""

    region: str
    log_id: str
    index: int
    digest: str
    known_at: float


def path_in(directory: Path, region: str) -> Path:
    """Where a region's copy rests."""
    return directory / f"view-{region}.snapshot"


def regions_in(directory: Path) -> list[str]:
    """The regions whose copies rest there."""
    return sorted(path.stem.removeprefix("view-") for path in directory.glob("view-*.snapshot"))


def write(path: Path, header: Header, changes: Sequence[Change]) -> None:
    """Replace the file at once. Raises OSError; the old file stays then."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(header) + b"\n")
            for start in range(0, len(changes), CHUNK):
                file.write(encode_lines(changes[start : start + CHUNK]))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[Header, Snapshot] | None:
    """The file's header and state, or None when there is no file. Raises Invalid or OSError when it cannot be read.

    The snapshot's chunks are read as they are asked for, and may raise the same.
    """
    try:
        with path.open("rb") as file:
            first = file.readline()
    except FileNotFoundError:
        return None
    try:
        header = msgspec.json.decode(first, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} does not begin with a header: {error}") from None
    head = Head(Position(header.log_id, header.index), header.digest)
    return header, Snapshot(header.region, head, _chunks(path))


async def _chunks(path: Path) -> AsyncIterator[Sequence[Change]]:
    with path.open("rb") as file:
        next(file)
        while lines := list(islice(file, CHUNK)):
            yield [decode_change(line) for line in lines]
