"""A service, and the counts of instances by status."""

from collections.abc import Mapping
from typing import Annotated, Self

from msgspec import Meta, Struct


class CountsShape(Struct, frozen=True, kw_only=True):
    """Instances by reported status."""

    passing: int
    unknown: int
    warning: int
    critical: int

    @classmethod
    def of(cls, counted: Mapping[str, int]) -> Self:
        """Counts by status, zero where there is none."""
        return cls(**{status: counted.get(status, 0) for status in cls.__struct_fields__})


class ServiceShape(Struct, frozen=True, kw_only=True):
    """The sums over the instances of a service."""

    name: str
    namespace: str
    region: str
    instances: int
    statuses: CountsShape
    zones: Annotated[dict[str, int], Meta(description="instances by zone")]
    versions: Annotated[dict[str, int], Meta(description="instances by version")]
    index: Annotated[int, Meta(description="the latest change of an instance that is still registered")]
