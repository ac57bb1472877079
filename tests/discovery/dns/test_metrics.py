"""The figures of all DNS processes, as the region's server shows them."""

import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from discovery.dns import metrics
from discovery.dns.metrics import Collected, Figures
from tests.harness.dns.name_server import NameServer, instance


def asked(times: int) -> Figures:
    name_server = NameServer(instance("w1"))
    name_server.ask("web.service.consul", times=times)
    return Figures(name_server.counters, name_server.table)


def collected(directory: Path) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry()
    registry.register(Collected(directory))
    text = generate_latest(registry).decode()
    families = list(text_string_to_metric_families(text))  # refuses a family that stands twice
    return {
        (sample.labels["process"], sample.name): sample.value
        for family in families
        for sample in family.samples
        if sample.name in ("meridian_dns_queries_total", "meridian_dns_hits_total", "meridian_dns_bodies")
    }


def test_processes_are_told_apart(tmp_path: Path) -> None:
    metrics.write(metrics.path_in(tmp_path, "0"), asked(5))
    metrics.write(metrics.path_in(tmp_path, "1"), asked(3))
    assert collected(tmp_path) == {
        ("0", "meridian_dns_queries_total"): 5,
        ("0", "meridian_dns_hits_total"): 3,
        ("0", "meridian_dns_bodies"): 1,
        ("1", "meridian_dns_queries_total"): 3,
        ("1", "meridian_dns_hits_total"): 1,
        ("1", "meridian_dns_bodies"): 1,
    }


def test_what_a_killed_process_left_behind_is_not_shown(tmp_path: Path) -> None:
    path = metrics.path_in(tmp_path, "0")
    metrics.write(path, asked(5))
    old = path.stat().st_mtime - metrics.LEFT_BEHIND - 1
    os.utime(path, (old, old))
    assert collected(tmp_path) == {}


def test_without_a_dns_process_there_is_nothing(tmp_path: Path) -> None:
    assert collected(tmp_path / "nowhere") == {}


def test_a_reader_sees_a_whole_file(tmp_path: Path) -> None:
    path = metrics.path_in(tmp_path, "0")
    for times in (3, 4):
        metrics.write(path, asked(times))
        assert collected(tmp_path)["0", "meridian_dns_queries_total"] == times
    assert [file.name for file in path.parent.iterdir()] == ["dns-0.prom"]


@pytest.mark.parametrize("times", [1, 2, 3, 50])
def test_every_question_is_counted_once(tmp_path: Path, times: int) -> None:
    metrics.write(metrics.path_in(tmp_path, "0"), asked(times))
    assert collected(tmp_path)["0", "meridian_dns_queries_total"] == times
