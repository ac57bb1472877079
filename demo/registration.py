"""An instance's registration, as the native HTTP API takes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from demo.plan import InstancePlan

LEASE_SECONDS = 15.0
CHECK_INTERVAL = "10s"
CHECK_TIMEOUT = "2s"
FAILURES_BEFORE_CRITICAL = 3
DEREGISTER_CRITICAL_AFTER = "2m"


def registration(plan: InstancePlan, *, host: str, port: int, ports: Mapping[str, int]) -> dict[str, object]:
    """The body of `PUT /services/{name}/{id}`. `ports` are the named ports beside the main one."""
    return {
        "host": host,
        "port": port,
        "ports": dict(ports),
        "zone": plan.zone,
        "version": plan.version,
        "tags": list(plan.tags),
        "metadata": {"team": plan.team},
        "weight": plan.weight,
        "lease": {"ttl": f"{LEASE_SECONDS:g}s"},
        "checks": [
            {
                "name": "http",
                "type": "http",
                "url": f"http://{host}:{port}/health",
                "interval": CHECK_INTERVAL,
                "timeout": CHECK_TIMEOUT,
                "success_before_passing": 1,
                # Patience would hide the very thing that a flapping instance is there to show.
                "failures_before_critical": 1 if plan.flapping else FAILURES_BEFORE_CRITICAL,
            }
        ],
        "deregister_critical_after": DEREGISTER_CRITICAL_AFTER,
    }
