"""A record: what every kind of record has in common. A kind adds its fields, and a tag that tells it apart in JSON."""

from typing import TYPE_CHECKING

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", gc=False):
    """A record is whole and frozen. Its encoding has the fields in their order, without those that are as by default.

    gc=False: records hold values alone, so they can be part of no cycle, and there are very many of them.
    """

    if TYPE_CHECKING:  # each kind has them, as a field or a property

        @property
        def region(self) -> str:
            """The region whose log holds it."""
            ...

        @property
        def key(self) -> str:
            """Its key in the log: the tag, and what tells it from others of its kind."""
            ...
