"""Examples for the API's page: bodies as they are sent, and the answers that the API gives to them."""

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiExample

from catalog.records.check import Verdict
from catalog.records.instance import with_verdict
from catalog.records.override import Override, Scope
from catalog.records.policy import Policy, StaleAction
from catalog.records.registration import from_mapping, to_instance
from catalog.records.status import Status
from registry.api.shapes.change import ChangeShape
from registry.api.shapes.instance import InstanceShape
from registry.api.shapes.override import OverrideShape
from registry.api.shapes.policy import PolicyShape
from registry.api.shapes.service import CountsShape, ServiceShape
from registry.timestamps import iso

NOW = 1_800_000_000.0
OPERATOR = "admin:alice@10.0.0.8/api"
BODY: dict[str, Any] = {
    "host": "10.0.1.5",
    "port": 8080,
    "ports": {"grpc": 50051},
    "zone": "us-east-1a",
    "version": "2.1.0",
    "tags": ["primary"],
    "metadata": {"team": "accounts"},
    "weight": 10,
    "owner": "accounts",
    "lease": {"ttl": "15s"},
    "checks": [
        {
            "name": "http",
            "type": "http",
            "url": "http://10.0.1.5:8080/health",
            "interval": "10s",
            "timeout": "2s",
            "success_before_passing": 1,
            "failures_before_critical": 3,
        }
    ],
    "deregister_critical_after": "10m",
}


def _request(name: str, body: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=body, request_only=True)


def _answer(name: str, shape: msgspec.Struct) -> OpenApiExample:
    return OpenApiExample(name, value=msgspec.to_builtins(shape), response_only=True)


def _instance() -> InstanceShape:
    new = to_instance(from_mapping(BODY), region="us-east", service="user-service", id="user-1", now=NOW)
    probed = with_verdict(new, Verdict("http", Status.PASSING, "200 OK", NOW + 3.12), NOW + 3.12)
    return InstanceShape.of(probed, index=42, overrides=(), now=NOW)


REGISTRATION = _request("Register an instance", BODY)
NAMED_REGISTRATION = _request("Register an instance", {"service": "user-service", "id": "user-1", **BODY})
INSTANCE = _answer("An instance", _instance())
SERVICE = _answer(
    "A service",
    ServiceShape(
        name="user-service",
        namespace="default",
        region="us-east",
        instances=6,
        statuses=CountsShape.of({"passing": 5, "critical": 1}),
        zones={"us-east-1a": 3, "us-east-1b": 3},
        versions={"2.1.0": 6},
        index=42,
    ),
)
OVERRIDE_REQUESTS = [
    _request(
        "Take one instance out of service for half an hour",
        {
            "scope": "instance",
            "service": "user-service",
            "instance": "user-1",
            "status": "critical",
            "reason": "disk is failing, being replaced",
            "expires_in": "30m",
        },
    ),
    _request(
        "Drain a zone",
        {"scope": "zone", "zone": "us-east-1a", "weight": 0, "reason": "power maintenance", "expires_in": "2h"},
    ),
    _request(
        "Send no traffic from here to another region",
        {"scope": "region", "target": "eu-west", "status": "critical", "reason": "packet loss", "expires_in": "2h"},
    ),
]
OVERRIDE = _answer(
    "An override",
    OverrideShape.of(
        Override(
            id="b3f1c2",
            region="us-east",
            scope=Scope.INSTANCE,
            service="user-service",
            instance="user-1",
            status=Status.CRITICAL,
            reason="disk is failing, being replaced",
            author=OPERATOR,
            created_at=NOW,
            expires_at=NOW + 1800,
        ),
        index=43,
        now=NOW,
    ),
)
POLICY_REQUEST = _request(
    "Fail over when fewer than two, or fewer than half, serve",
    {
        "min_healthy": 2,
        "min_share": 0.5,
        "order": ["eu-west", "ap-south"],
        "stale": "demote",
        "stale_after": "1m",
        "hold_down": "30s",
    },
)
POLICY = _answer(
    "A failover policy",
    PolicyShape.of(
        Policy(
            region="us-east",
            service="user-service",
            min_healthy=2,
            min_share=0.5,
            order=("eu-west", "ap-south"),
            stale=StaleAction.DEMOTE,
            stale_after=60.0,
            hold_down=30.0,
        ),
        index=44,
    ),
)
CHANGE = _answer(
    "A change",
    ChangeShape(
        region="us-east",
        index=43,
        at=iso(NOW),
        key="override/b3f1c2",
        verb="set_override",
        actor=OPERATOR,
        cause="disk is failing, being replaced",
        removed=False,
    ),
)
TOKEN_REQUEST = _request(
    "A token for a deployment", {"name": "ci", "scopes": ["read", "write:user-"], "expires_in": "90d"}
)
DECISION = _request("A decision", {"reason": "the switch of rack 7 is down, the services are fine"})
