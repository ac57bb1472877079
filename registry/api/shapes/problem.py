"""A problem, as `application/problem+json` (RFC 9457)."""

from typing import Annotated

from msgspec import Meta, Struct


class Complaint(Struct, frozen=True):
    """One of several things that are wrong."""

    field: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error, as `application/problem+json`."""

    type: Annotated[str, Meta(examples=["urn:meridian:problem:invalid"])]
    title: Annotated[str, Meta(examples=["The request breaks a rule"])]
    status: Annotated[int, Meta(examples=[400])]
    detail: Annotated[
        str, Meta(description="a sentence that says what to do", examples=["0 is not a port: use 1 to 65535"])
    ]
    field: Annotated[str, Meta(description="the path in the request of what is wrong", examples=["ports.http"])] = ""
    errors: Annotated[tuple[Complaint, ...], Meta(description="all that is wrong, when it is several things")] = ()
