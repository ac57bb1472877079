"""The checks of an instance with their last probes."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from catalog.records.check import CheckType
from catalog.records.instance import Instance
from catalog.records.status import Status
from registry.api.shapes.fields import Moment, copied
from registry.api.shapes.instance import terms
from registry.checks.results import KnownCheck
from registry.timestamps import iso


class SampleShape(Struct, frozen=True):
    """One outcome of a probe."""

    at: Moment
    latency: Annotated[float, Meta(description="in seconds")]
    status: Status


class ResultShape(Struct, frozen=True, kw_only=True):
    """A check, its verdict, and the result of the last probe."""

    name: str
    type: CheckType
    status: Annotated[Status, Meta(description="what can be believed now: `unknown` when the last probe is too old")]
    verdict: Annotated[Status, Meta(description="as recorded: what lookups use")]
    since: Annotated[Moment, Meta(description="when the verdict became what it is")]
    output: Annotated[str, Meta(description="of the last probe or report")]
    outcome: Annotated[Status | None, Meta(description="what the last probe found")]
    checked_at: Moment | None
    latency: Annotated[float | None, Meta(description="of the last probe, in seconds")]
    next_due: Moment | None
    flap_score: Annotated[float, Meta(description="0 is calm")]
    held_until: Annotated[Moment | None, Meta(description="kept critical until then because it flaps")]
    recent: Annotated[list[SampleShape], Meta(description="the outcomes of the last probes, the oldest first")]
    terms: Annotated[dict[str, Any], Meta(description="as registered: target, interval, timeout, thresholds")]

    @classmethod
    def of(cls, known: KnownCheck) -> Self:
        """What is known of a check; the probe's fields are null before the first outcome."""
        result = known.result
        probed = result if result is not None and result.at is not None else None
        return cls(
            name=known.check.name,
            type=known.check.type,
            status=known.status,
            verdict=known.verdict.status,
            since=iso(known.verdict.since),
            output=known.output,
            outcome=probed.outcome if probed else None,
            checked_at=iso(probed.at) if probed else None,
            latency=probed.latency if probed else None,
            next_due=iso(result.due_at) if result else None,
            flap_score=result.flap_score if result else 0.0,
            held_until=iso(result.held_until) if result else None,
            recent=[copied(SampleShape, sample, at=iso(sample.at)) for sample in (result.recent if result else ())],
            terms=terms(known.check),
        )


class CheckedInstanceShape(Struct, frozen=True, kw_only=True):
    """The checks of one instance."""

    region: str
    namespace: str
    service: str
    id: str
    status: Annotated[Status, Meta(description="the instance's")]
    checks: list[ResultShape]

    @classmethod
    def of(cls, instance: Instance, known: Sequence[KnownCheck]) -> Self:
        """An instance and what is known of its checks."""
        return copied(cls, instance, checks=[ResultShape.of(check) for check in known])
