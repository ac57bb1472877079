"""Metrics of the workers: what worker processes measure, added up in Valkey, where the server's `/metrics` reads it.

A worker process listens on no port, and Celery starts and ends its processes as it likes, so none could be scraped.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from django.conf import settings
from redis.asyncio import Redis

from catalog.errors import Unavailable
from registry.valkey import aconnection, key, reaching

PART = "the workers' counters"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Family(NamedTuple):
    """A metric's type and what it tells, in Prometheus's words."""

    kind: str
    help: str


FAMILIES = {
    "meridian_probes_total": Family("counter", "Probes by type of check and by what they alone spoke for"),
    "meridian_probe_seconds": Family("histogram", "Time from the beginning of a probe to its outcome"),
    "meridian_probe_reports_total": Family("counter", "Transitions that probes reported, by what became of them"),
}

Sample = tuple[str, tuple[tuple[str, str], ...]]  # name and labels


def counters_key(region: str) -> str:
    """Where a region's counters are in its Valkey: a hash of samples by `[name, labels]` in JSON."""
    return key(region, "counters")


class Counters:
    """What one process has counted since it last added it to the region's."""

    def __init__(self) -> None:
        self._amounts: dict[Sample, float] = {}

    def add(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Count something."""
        sample = name, tuple(sorted(labels.items()))
        self._amounts[sample] = self._amounts.get(sample, 0.0) + amount

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Put a value into a histogram."""
        place = bisect_left(BUCKETS, value)
        bound = f"{BUCKETS[place]:g}" if place < len(BUCKETS) else "+Inf"
        self.add(f"{name}_bucket", {**labels, "le": bound})
        self.add(f"{name}_sum", labels, value)

    def counted(self, name: str) -> dict[Sample, float]:
        """What one metric has counted since the last flush."""
        return {sample: amount for sample, amount in self._amounts.items() if sample[0] == name}

    async def flush(self, client: Redis, region: str) -> None:
        """Add what was counted to the region's counters. What cannot be added now is kept for the next time."""
        amounts, self._amounts = self._amounts, {}
        if not amounts:
            return
        pipeline = client.pipeline(transaction=False)
        for sample, amount in amounts.items():
            pipeline.hincrbyfloat(counters_key(region), msgspec.json.encode(sample).decode(), amount)
        try:
            with reaching(PART):
                await pipeline.execute()
        except Unavailable:
            for (name, labels), amount in amounts.items():
                self.add(name, dict(labels), amount)
            raise


async def worker_metrics() -> str:
    """What the region's workers have counted, in Prometheus's text format. Raises Unavailable."""
    with reaching(PART):
        async with aconnection() as client:
            stored = await client.hgetall(counters_key(settings.MERIDIAN.region))
    return exposition({str(sample): str(amount) for sample, amount in stored.items()})


def exposition(stored: Mapping[str, str]) -> str:
    """A region's counters in Prometheus's text format."""
    samples: dict[Sample, float] = {}
    for text, amount in stored.items():
        samples[msgspec.json.decode(text, type=Sample)] = float(amount)
    lines: list[str] = []
    for name, family in FAMILIES.items():
        lines += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
        lines += _histogram(name, samples) if family.kind == "histogram" else _plain(name, samples)
    return "\n".join(lines) + "\n"


def _plain(name: str, samples: Mapping[Sample, float]) -> Iterable[str]:
    return [_line(name, labels, amount) for (known, labels), amount in sorted(samples.items()) if known == name]


def _histogram(name: str, samples: Mapping[Sample, float]) -> Iterable[str]:
    """Buckets hold what fell into each alone; Prometheus wants how much fell into each and all below."""
    for (known, labels), total in sorted(samples.items()):
        if known != f"{name}_sum":
            continue
        count = 0.0
        for bound in [*(f"{bucket:g}" for bucket in BUCKETS), "+Inf"]:
            with_bound = tuple(sorted((*labels, ("le", bound))))
            count += samples.get((f"{name}_bucket", with_bound), 0.0)
            yield _line(f"{name}_bucket", with_bound, count)
        yield _line(f"{name}_sum", labels, total)
        yield _line(f"{name}_count", labels, count)


def _line(name: str, labels: Iterable[tuple[str, str]], amount: float) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{name}{{{inner}}} {amount:g}" if inner else f"{name} {amount:g}"
