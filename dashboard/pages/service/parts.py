"""Parts of a service's page: totals over its instances, and the answers that its clients get."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from django.conf import settings

from catalog.query_types import Decision
from catalog.records.policy import Policy
from catalog.records.status import SERVING, Status
from dashboard.live.page import part
from dashboard.memory.board import Board
from dashboard.memory.summary import STATUSES
from dashboard.pages.service.facts import dns_host, own_address
from dashboard.pictures.chart.bars import status_bar
from dashboard.words import answer_as
from dashboard.words.answer_as import Asking
from dashboard.words.policy_words import policy_sentences
from discovery.dns.zone import Zone

WORST_FIRST = tuple(reversed(STATUSES))
MOST_VERSIONS = 12


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Totals over instances. `out` counts those that report to be healthy and yet take no traffic."""

    counts: Mapping[Status, int]
    serving: int
    out: int
    overridden: int

    @property
    def instances(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def bar(self) -> str:
        """The counts as a picture."""
        return status_bar(self.counts, label="instances by status")

    @property
    def words(self) -> list[tuple[Status, int]]:
        """The counts that are not zero, the worst first."""
        return [(status, self.counts[status]) for status in WORST_FIRST if self.counts[status]]


class VersionTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of one version. `share` is its part of the traffic in percent, None when there is no traffic."""

    name: str
    totals: Totals
    share: int | None
    regions: tuple[str, ...]


class RegionPolicy(msgspec.Struct, frozen=True):
    """A region and its failover policy for the service."""

    region: str
    policy: Policy | None
    is_home: bool

    @property
    def sentences(self) -> tuple[str, ...]:
        """The policy in words."""
        return policy_sentences(self.policy) if self.policy else ()


def totals(decisions: Mapping[str, Sequence[Decision]]) -> Totals:
    """The totals over all regions."""
    counts = dict.fromkeys(STATUSES, 0)
    serving = out = overridden = 0
    for some in decisions.values():
        for decision in some:
            counts[decision.status] += 1
            serves = decision.weight > 0 and decision.status in SERVING
            serving += serves
            out += not serves and decision.instance.status in SERVING
            overridden += decision.override is not None
    return Totals(counts=counts, serving=serving, out=out, overridden=overridden)


def share(decisions: Iterable[Decision], traffic: int) -> int | None:
    """The part of the traffic that these get by their weights, in percent."""
    weight = sum(decision.weight for decision in decisions if decision.returned)
    return round(100 * weight / traffic) if traffic else None


def versions(decisions: Mapping[str, Sequence[Decision]]) -> list[VersionTotals]:
    """The versions, the most common first."""
    by_name: dict[str, dict[str, list[Decision]]] = {}
    for region, some in decisions.items():
        for decision in some:
            by_name.setdefault(decision.instance.version, {}).setdefault(region, []).append(decision)
    traffic = sum(decision.weight for some in decisions.values() for decision in some if decision.returned)
    found = [
        VersionTotals(
            name=name,
            totals=totals(parts),
            share=share((decision for some in parts.values() for decision in some), traffic),
            regions=tuple(parts),
        )
        for name, parts in by_name.items()
    ]
    return sorted(found, key=lambda version: (-version.totals.instances, version.name))[:MOST_VERSIONS]


def answers(board: Board, asking: Asking, addresses: Mapping[str, str], now: float) -> dict[str, str]:
    """The fragments that show what clients get over HTTP and DNS, and how fresh it is."""
    zone, here = zone_of(asking.region), asking.region == settings.MERIDIAN.region
    base = addresses.get(asking.region) or (own_address() if here else "")
    host, port = dns_host(), settings.MERIDIAN.dns.port
    view, token = board.view, settings.MERIDIAN.auth
    answered = answer_as.by_dns(view, asking, zone, now)
    context = {
        "asking": asking,
        "here": here,
        "freshness": view.region(asking.region).freshness,
        "http": answer_as.over_http(board.dialects, view, asking, now, base=base or "http://SERVER:8500", token=token),
        "is_known": bool(base),
        "dns": [(answer, answer_as.dig(answer, host, port)) for answer in answered],
        "left_out": answer_as.left_out(asking),
    }
    return {
        "service-asker": part("service_asker.html", context),
        "service-http": part("service_http.html", context),
        "service-dns": part("service_dns.html", context),
    }


def zone_of(region: str) -> Zone:
    """How DNS answers in a region, as it does here."""
    environment = settings.MERIDIAN
    return Zone(region=region, domains=environment.dns_domains, ttl=max(1, round(environment.dns_ttl)))
