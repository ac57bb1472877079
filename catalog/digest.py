"""The digest: a number that two regions share if and only if they hold the same records.

It is the sum, modulo 2^256, of a hash of each live record (an AdHash, Bellare & Micciancio 1997). A sum knows no order
and can be kept step by step: subtract the old record's hash, add the new one's. It protects against bugs and bit rot,
not against an adversary who may choose records; peers are authenticated for that.
"""

import hashlib
from collections.abc import Iterable

from catalog.change import Record, encode
from catalog.kinds import kind_of

MODULUS = 1 << 256
EMPTY = 0
MOST_KNOWN = 2048  # records whose hashes are remembered

_known: dict[int, tuple[Record, int]] = {}  # by identity; holding the record keeps its identity its own


def record_hash(record: Record | None) -> int:
    """The hash of a record without its volatile fields; 0 for no record.

    Volatile is what explains a state without being part of it: a check's output and the times of transitions. A
    process that writes a record hashes it, and its view hashes it again soon after: the latest hashes are cached.
    """
    if record is None:
        return 0
    known = _known.get(id(record))
    if known is not None and known[0] is record:
        return known[1]
    stable = kind_of(record).stable(record)
    hash = int.from_bytes(hashlib.blake2b(encode(stable), digest_size=32).digest(), "big")
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[id(record)] = (record, hash)
    return hash


def moved(digest: int, old: int, new: int) -> int:
    """The digest after a record of hash `old` gave way to one of hash `new`; 0 stands for no record."""
    return (digest - old + new) % MODULUS


def total(hashes: Iterable[int]) -> int:
    """The digest of all records together, given their hashes."""
    return sum(hashes) % MODULUS


def replaced(digest: int, old: Record | None, new: Record | None) -> int:
    """The digest after `old` gave way to `new`; None stands for no record."""
    return moved(digest, record_hash(old), record_hash(new))


def to_hex(digest: int) -> str:
    """64 hexadecimal digits."""
    return f"{digest:064x}"


def from_hex(text: str) -> int:
    """The number that `to_hex` wrote."""
    return int(text, 16)
