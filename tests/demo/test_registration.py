"""What an instance tells the registry."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import demo
from demo.plan import InstancePlan
from demo.registration import registration

PLAN = InstancePlan(
    service="user-service", id="user-service-1", zone="us-east-1a", version="2.1.0", team="accounts", tags=("core",)
)


def body(plan: InstancePlan = PLAN) -> Any:
    return registration(plan, host="127.0.0.1", port=4711, ports={"grpc": 4712})


def test_a_registration_says_everything_about_the_instance() -> None:
    assert body() == {
        "host": "127.0.0.1",
        "port": 4711,
        "ports": {"grpc": 4712},
        "zone": "us-east-1a",
        "version": "2.1.0",
        "tags": ["core"],
        "metadata": {"team": "accounts"},
        "weight": 10,
        "lease": {"ttl": "15s"},
        "checks": [
            {
                "name": "http",
                "type": "http",
                "url": "http://127.0.0.1:4711/health",
                "interval": "10s",
                "timeout": "2s",
                "success_before_passing": 1,
                "failures_before_critical": 3,
            }
        ],
        "deregister_critical_after": "2m",
    }


def test_a_flapping_instance_is_judged_by_a_single_failure() -> None:
    assert body(replace(PLAN, flapping=True))["checks"][0]["failures_before_critical"] == 1


def test_the_fleet_imports_nothing_of_the_registry() -> None:
    files = list(Path(demo.__file__).parent.glob("*.py"))
    assert len(files) > 10
    imported: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    assert "aiohttp" in imported
    assert not imported & {"catalog", "registry", "discovery", "federation", "dashboard", "registry_client", "config"}
