"""A region."""

from typing import Annotated

from msgspec import Meta, Struct

from registry.api.shapes.service import CountsShape


class RegionShape(Struct, frozen=True, kw_only=True):
    """A region whose catalog is kept here."""

    name: str
    is_local: bool
    log_id: str
    index: Annotated[int, Meta(description="the head of its log")]
    floor: Annotated[int, Meta(description="the last change compacted away")]
    digest: str
    instances: int
    services: int
    statuses: CountsShape
    overrides: int
