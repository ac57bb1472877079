"""Figures: the counters as `/metrics` of the region's server shows them.

The DNS server is a process of its own without an HTTP port, so it leaves its figures in a file of Prometheus' text
format under the data directory, and the server reads the files of all DNS processes when it is asked for its own.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dns.rcode import Rcode
from dns.rdatatype import RdataType
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from discovery.dns.counters import Counters
from discovery.dns.table import AnswerTable, Bodies

WRITE_EVERY = 5.0  # seconds; less than Prometheus' usual interval of scrapes
LEFT_BEHIND = 60.0  # seconds after which a file is that of a process which was killed
KNOWN_TYPES = frozenset(kind.value for kind in RdataType)


class Figures(Collector):
    """Those of this process, from its counters and its table."""

    def __init__(self, counters: Counters, table: AnswerTable) -> None:
        self._counters = counters
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
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
        # Types that have no name are one series: a client must not be able to make thousands.
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


class Collected(Collector):
    """Those of every DNS process that shares the data directory, told apart by the label `process`."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: it depends on who runs."""
        return []

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client. A family stands once, with the samples of all processes."""
        families: dict[str, Metric] = {}
        for path in sorted(self._directory.glob("metrics/dns-*.prom")):
            process = path.stem.removeprefix("dns-")
            for family in self._read(path):
                merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                merged.samples += [
                    sample._replace(labels={**sample.labels, "process": process})
                    for sample in family.samples
                    if not sample.name.endswith("_created")
                ]
        return families.values()

    def _read(self, path: Path) -> list[Metric]:
        try:
            if self._clock() - path.stat().st_mtime > LEFT_BEHIND:
                return []
            return list(text_string_to_metric_families(path.read_text()))
        except OSError:
            return []  # its process has just ended


def _counter(name: str, help_text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, help_text, value)
