"""A change: one entry of a region's log, and the one encoding that logs, mirrors, snapshots and files share."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Union

import msgspec

from catalog.errors import Invalid
from catalog.kinds import BY_STRUCT
from catalog.records import record as records

if TYPE_CHECKING:
    Record = records.Record
else:
    Record = Union[tuple(BY_STRUCT)]  # noqa: UP007 - as many as there are; the decoder tells them apart by their tags


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """At `index` of `region`'s log, `key` became `record`, or was removed when `record` is None.

    `actor` is who, `verb` what they did, `cause` why, in words. `digest` is the region's digest after this change, in
    hex; it is empty in a snapshot, whose digest stands in its header. `at` is the origin's wall clock: for people,
    never for ordering.
    """

    region: str
    index: int
    key: str
    record: Record | None = None
    at: float = 0.0
    verb: str = ""
    actor: str = ""
    cause: str = ""
    digest: str = ""


class Position(msgspec.Struct, frozen=True):
    """A place in a log: which history, and the last index seen of it. Index 0 is before the first change."""

    log_id: str
    index: int


class Head(msgspec.Struct, frozen=True):
    """The end of a log: its position, and the digest of the state there, in hex."""

    position: Position
    digest: str


_encoder = msgspec.json.Encoder()
_change_decoder = msgspec.json.Decoder(Change)
_record_decoder = msgspec.json.Decoder(Record)


def encode(value: Change | Record) -> bytes:
    """JSON in field order: equal values have equal bytes."""
    return _encoder.encode(value)


def decode_change(data: bytes | str) -> Change:
    """Read what `encode` wrote; raises Invalid when it is something else."""
    try:
        return _change_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"not a change of a log: {error}") from None


def decode_record(data: bytes | str) -> Record:
    """Read a record alone; raises Invalid when it is something else."""
    try:
        record: Record = _record_decoder.decode(data)
        return record
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"not a record: {error}") from None


def encode_lines(changes: Iterable[Change]) -> bytes:
    """Changes one to a line, as snapshots travel and rest on disk."""
    return _encoder.encode_lines(list(changes))
