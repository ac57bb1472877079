"""Metrics of the discovery plane for Prometheus, read from plain counters at each scrape."""

from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog.view import State
from discovery.plane import Plane

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Measures(Collector):
    """A plane's counters at the moment they are read."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        yield from self._answers()
        yield from self._view()
        yield from self._watching()
        yield _counter("meridian_renewals", "Renewals acknowledged by this process", self._plane.renewed)

    def _answers(self) -> Iterable[Metric]:
        answers = self._plane.answers
        lookups = CounterMetricFamily("meridian_lookups", "Lookups answered, by dialect", labels=["dialect"])
        for dialect, number in answers.lookups().items():
            lookups.add_metric([dialect], number)
        yield lookups
        yield _counter("meridian_answers_hot", "Lookups answered with cached bytes", answers.hits())
        yield _counter("meridian_answers_computed", "Answers worked out and encoded", answers.computed)
        yield _gauge("meridian_answers_kept", "Cached answers", len(answers))
        yield _gauge("meridian_answers_kept_bytes", "Bytes of the cached answers", answers.size)

    def _view(self) -> Iterable[Metric]:
        plane = self._plane
        index = GaugeMetricFamily("meridian_view_index", "Index of the last change in the view", labels=["region"])
        lag = GaugeMetricFamily(
            "meridian_follower_lag_seconds",
            "Time since the view was known to hold all that the region had",
            labels=["region"],
        )
        live = GaugeMetricFamily("meridian_view_live", "1 while the view is in step with the log", labels=["region"])
        instances = GaugeMetricFamily("meridian_instances", "Instances in the view", labels=["region"])
        for name, region in plane.view.regions.items():
            index.add_metric([name], region.index)
            live.add_metric([name], int(region.freshness.state is State.LIVE))
            instances.add_metric([name], sum(map(len, region.services.values())))
        if plane.following.heard_at is not None:
            lag.add_metric([plane.region], max(0.0, plane.clock() - plane.following.heard_at))
        for name in plane.view.regions.keys() - {plane.region}:
            behind = plane.lag(name)
            if behind is not None:
                lag.add_metric([name], behind)
        yield from (index, live, instances, lag)
        yield _counter("meridian_changes_followed", "Changes folded into the view since start", plane.following.applied)

    def _watching(self) -> Iterable[Metric]:
        plane = self._plane
        yield _gauge("meridian_watchers", "Blocking queries and streams that wait", plane.watchers.count)
        yield _counter("meridian_watchers_refused", "Watchers turned away", plane.watchers.refused)
        yield _gauge("meridian_topics", "Different questions that are waited on", len(plane.topics))
        yield _counter(
            "meridian_topics_recomputed", "Questions asked again because of a change", plane.topics.recomputed
        )
        yield _counter("meridian_watchers_woken", "Blocking queries answered because of a change", plane.topics.woken)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def exposition(plane: Plane) -> bytes:
    """Everything that this process measures, in Prometheus's text format."""
    own = CollectorRegistry(auto_describe=False)
    own.register(Measures(plane))
    return generate_latest(own) + generate_latest(REGISTRY)
