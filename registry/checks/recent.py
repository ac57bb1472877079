"""The last outcomes of each check, for plots: when a probe came back, how long it took and what it found.

They are kept in the check's state, which every probe reads and writes, so they are packed: 8 bytes each, and a new one
is appended without reading the others. As a list in Valkey beside the state a check would take 1.5 KB instead of 0.65.
"""

import struct

import msgspec

from catalog.records.status import Status

KEPT = 40  # samples: at the usual interval of 10 s the last six minutes

_WORD = struct.Struct(">Q")  # from the top: tenths of seconds since the epoch, 10 µs of latency, two bits of status
_LATENCY_BITS, _STATUS_BITS = 24, 2
_LONGEST = (1 << _LATENCY_BITS) - 1  # 168 s, much longer than any timeout
_STATUSES = (Status.PASSING, Status.UNKNOWN, Status.WARNING, Status.CRITICAL)
_NUMBERS = {status: number for number, status in enumerate(_STATUSES)}


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One outcome of a probe. `at` is in seconds since the epoch to a tenth, `latency` in seconds to 10 µs."""

    at: float
    latency: float
    status: Status


def appended(packed: bytes, at: float, latency: float, status: Status) -> bytes:
    """The packed samples with one more, without those that are too many."""
    taken = min(_LONGEST, max(0, round(latency * 100_000)))
    word = (max(0, round(at * 10)) << _LATENCY_BITS | taken) << _STATUS_BITS | _NUMBERS[status]
    return packed[-_WORD.size * (KEPT - 1) :] + _WORD.pack(word)


def unpacked(packed: bytes) -> tuple[Sample, ...]:
    """The samples, the oldest first. Bytes that are no whole sample, from another version, are skipped."""
    return tuple(_sample(word) for (word,) in _WORD.iter_unpack(packed[: len(packed) // _WORD.size * _WORD.size]))


def _sample(word: int) -> Sample:
    timing = word >> _STATUS_BITS
    status = _STATUSES[word & (1 << _STATUS_BITS) - 1]
    return Sample((timing >> _LATENCY_BITS) / 10, (timing & _LONGEST) / 100_000, status)
