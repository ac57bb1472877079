"""Counters: how many questions, of which type, with which outcome; for `/metrics` of the region's server.

The DNS server is a process of its own without an HTTP port, so it leaves its figures in a file of Prometheus' text
format under the data directory. A reader sees the whole file or the one before.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from dns.rcode import Rcode
from dns.rdatatype import RdataType
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from discovery.dns.table import AnswerTable, Bodies

WRITE_EVERY = 5.0  # seconds; less than Prometheus' usual interval of scrapes
KNOWN_TYPES = frozenset(kind.value for kind in RdataType)


class Counters:
    """What was answered by one transport outside the table, and what bodies that have left the table had served.

    Kept without a lock: each instance is written by one thread, but for `retire`, which the table's lock guards.
    """

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int, int]] = Counter()  # transport, type, rcode
        self.retired: Counter[tuple[int, int]] = Counter()
        self.truncated = 0
        self.truncated_retired = 0
        self.ignored = 0
        self.failures = 0
        self.connections = 0
        self.connections_refused = 0

    def count(self, transport: str, rdtype: int, rcode: int) -> None:
        """One answer that the table did not give."""
        self.answered[transport, rdtype, rcode] += 1

    def retire(self, bodies: Bodies) -> None:
        """A body has left the table."""
        self.retired[bodies.kind] += bodies.served
        if bodies.truncated:
            self.truncated_retired += bodies.served


class Figures:
    """A collector for Prometheus over the counters and the table."""

    def __init__(self, counters: Counters, table: AnswerTable) -> None:
        self._counters = counters
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's custom collectors."""
        live = list(self._table.live())
        yield self._queries(live)
        yield _counter("meridian_dns_hits", "answers that were found encoded", self._hits(live))
        yield _counter("meridian_dns_truncated", "answers cut short, with the TC bit", self._truncated(live))
        yield _counter("meridian_dns_ignored", "packets that got no answer", self._counters.ignored)
        yield _counter("meridian_dns_failures", "answers that could not be sent", self._counters.failures)
        refused = self._counters.connections_refused
        yield _counter("meridian_dns_connections_refused", "TCP connections beyond the limits", refused)
        yield GaugeMetricFamily("meridian_dns_connections", "TCP connections open now", self._counters.connections)
        yield GaugeMetricFamily("meridian_dns_bodies", "encoded answers kept now", len(live))

    def _queries(self, live: list[Bodies]) -> Metric:
        family = CounterMetricFamily(
            "meridian_dns_queries", "questions answered", labels=["transport", "type", "rcode"]
        )
        sums = Counter(self._counters.answered)
        for (rdtype, rcode), served in Counter(self._counters.retired).items():
            sums["udp", rdtype, rcode] += served
        for bodies in live:
            sums["udp", *bodies.kind] += bodies.served
        # Types that have no name are one series: a stranger must not be able to make thousands.
        named: Counter[tuple[str, str, str]] = Counter()
        for (transport, rdtype, rcode), served in sums.items():
            kind = RdataType(rdtype).name if rdtype in KNOWN_TYPES else "other"
            named[transport, kind, Rcode(rcode).name] += served
        for labels, served in sorted(named.items()):
            family.add_metric(labels, served)
        return family

    def _hits(self, live: list[Bodies]) -> int:
        return sum(self._counters.retired.values()) + sum(bodies.served for bodies in live)

    def _truncated(self, live: Iterable[Bodies]) -> int:
        still = sum(bodies.served for bodies in live if bodies.truncated)
        return self._counters.truncated + self._counters.truncated_retired + still


def path_in(directory: Path, process: str) -> Path:
    """Where a DNS process leaves its figures: `<directory>/metrics/dns-<process>.prom`."""
    return directory / "metrics" / f"dns-{process}.prom"


def write(path: Path, figures: Figures) -> None:
    """Replace the file at once. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(figures)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(generate_latest(registry))
    draft.replace(path)


def _counter(name: str, help_text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, help_text, value)
