"""The checks of an instance on its page: their terms in words, the last result, and a plot of latencies."""

from collections.abc import Iterator, Mapping

import msgspec

from catalog.records.check import Check, CheckType, Verdict
from catalog.records.duration import spoken
from catalog.records.flap import SUPPRESS
from catalog.records.instance import Instance
from dashboard.live.page import part
from dashboard.pictures.chart.latency import latency_plot
from registry.checks.probe_spec import check_key
from registry.checks.results import CheckResult

SHORT = 200  # letters of an output that needs no folding


class CheckCard(msgspec.Struct, frozen=True, kw_only=True):
    """One check. `result` is None where probes are not known: in another region, and for a check of type `ttl`."""

    check: Check
    verdict: Verdict
    result: CheckResult | None
    terms: tuple[str, ...]
    home: str
    region: str

    @property
    def output(self) -> str:
        """What the last probe said, or what came with the last transition."""
        return self.result.output if self.result and self.result.at is not None else self.verdict.output

    @property
    def first_line(self) -> str:
        """The beginning of the output."""
        return self.output.strip().partition("\n")[0][:SHORT]

    @property
    def is_long(self) -> bool:
        """Whether there is more of it."""
        return self.first_line != self.output.strip()

    @property
    def is_probed(self) -> bool:
        """Whether a worker probes it, rather than the instance reporting."""
        return self.check.type is not CheckType.TTL

    @property
    def plot(self) -> str:
        """The latencies of the last probes."""
        points = [(sample.at, sample.latency, sample.status) for sample in self.result.recent] if self.result else []
        return latency_plot(points, timeout=self.check.timeout, label=f"check {self.check.name}")

    @property
    def restless(self) -> float:
        """The flap score, as a share of the score from which the check is held."""
        return min(1.0, self.result.flap_score / SUPPRESS) if self.result else 0.0


def check_rows(instance: Instance, results: Mapping[str, CheckResult], home: str) -> dict[str, str]:
    """The checks by name, rendered."""
    return {card.check.name: part("instance_check.html", {"card": card}) for card in _cards(instance, results, home)}


def _cards(instance: Instance, results: Mapping[str, CheckResult], home: str) -> Iterator[CheckCard]:
    for check, verdict in zip(instance.checks, instance.verdicts, strict=True):
        key = check_key(instance.namespace, instance.service, instance.id, check.name)
        result = results.get(key)
        yield CheckCard(
            check=check, verdict=verdict, result=result, terms=terms(check), home=home, region=instance.region
        )


def terms(check: Check) -> tuple[str, ...]:
    """What is probed, how often, and how many results change the verdict."""
    if check.type is CheckType.TTL:
        return (f"reports itself, at least every {spoken(check.ttl)}",)
    after = "failure" if check.failures_before_critical == 1 else "failures in a row"
    back = "success" if check.success_before_passing == 1 else "successes in a row"
    return (
        _probe(check),
        f"every {spoken(check.interval)}, within {spoken(check.timeout)}",
        f"critical after {check.failures_before_critical} {after}, passing after {check.success_before_passing} {back}",
    )


def _probe(check: Check) -> str:
    where = check.address or "its own address"
    if check.type is CheckType.HTTP:
        codes = ", ".join(map(str, check.expect_status)) or "any 2xx"
        body = f" and {check.expect_body!r} in the body" if check.expect_body else ""
        return f"{check.method} {check.url}, expects {codes}{body}"
    if check.type is CheckType.DNS:
        wanted = f", expects {check.expect_answer}" if check.expect_answer else ""
        return f"{check.query} {check.record} of {where}{wanted}"
    if check.type is CheckType.GRPC:
        return f"health of {check.service or 'the server'} at {where}{' over TLS' if check.tls else ''}"
    return f"connects to {where}"
