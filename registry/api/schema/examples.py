"""Examples for the API's page: what is sent and answered, as it really looks."""

from drf_spectacular.utils import OpenApiExample

TERMS = {
    "url": "http://10.0.1.5:8080/health",
    "method": "GET",
    "headers": {},
    "expect_status": [],
    "expect_body": "",
    "interval": "10s",
    "timeout": "2s",
    "success_before_passing": 1,
    "failures_before_critical": 3,
}
BODY = {
    "host": "10.0.1.5",
    "port": 8080,
    "ports": {"grpc": 50051},
    "zone": "us-east-1a",
    "version": "2.1.0",
    "tags": ["primary"],
    "metadata": {"team": "accounts"},
    "weight": 10,
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
REPLACEMENT = OpenApiExample("Register an instance", value=BODY, request_only=True)
REGISTRATION = OpenApiExample(
    "Register an instance", value={"service": "user-service", "id": "user-1", **BODY}, request_only=True
)
INSTANCE = OpenApiExample(
    "An instance",
    value={
        "id": "user-1",
        "service": "user-service",
        "namespace": "default",
        "region": "us-east",
        "host": "10.0.1.5",
        "port": 8080,
        "ports": {"grpc": 50051},
        "zone": "us-east-1a",
        "version": "2.1.0",
        "tags": ["primary"],
        "metadata": {"team": "accounts"},
        "weight": 10,
        "status": "passing",
        "owner": "accounts",
        "lease": {"ttl": "15s", "expired": False},
        "checks": [
            {
                "name": "http",
                "type": "http",
                "status": "passing",
                "output": "200 OK",
                "since": "2027-01-15T08:00:03.120Z",
                "terms": TERMS,
            }
        ],
        "deregister_critical_after": "10m",
        "status_override": None,
        "weight_override": None,
        "since": "2027-01-15T08:00:03.120Z",
        "critical_since": None,
        "registered_at": "2027-01-15T08:00:00.000Z",
        "epoch": 1,
        "index": 42,
    },
    response_only=True,
)
SERVICE = OpenApiExample(
    "A service",
    value={
        "name": "user-service",
        "namespace": "default",
        "region": "us-east",
        "instances": 6,
        "statuses": {"passing": 5, "unknown": 0, "warning": 0, "critical": 1},
        "zones": {"us-east-1a": 3, "us-east-1b": 3},
        "versions": {"2.1.0": 6},
        "index": 42,
    },
    response_only=True,
)
OVERRIDE = OpenApiExample(
    "An override",
    value={
        "id": "b3f1c2",
        "region": "us-east",
        "scope": "instance",
        "namespace": "default",
        "service": "user-service",
        "instance": "user-1",
        "zone": "",
        "tag": "",
        "target": "",
        "status": "critical",
        "weight": None,
        "reason": "disk is failing, being replaced",
        "author": "admin:alice@10.0.0.8/api",
        "created_at": "2027-01-15T08:00:00.000Z",
        "expires_at": "2027-01-15T08:30:00.000Z",
        "live": True,
        "index": 43,
    },
    response_only=True,
)
OVERRIDE_REQUEST = OpenApiExample(
    "Take one instance out of service for half an hour",
    value={
        "scope": "instance",
        "service": "user-service",
        "instance": "user-1",
        "status": "critical",
        "reason": "disk is failing, being replaced",
        "expires_in": "30m",
    },
    request_only=True,
)
DRAIN_REQUEST = OpenApiExample(
    "Drain a zone",
    value={"scope": "zone", "zone": "us-east-1a", "weight": 0, "reason": "power maintenance", "expires_in": "2h"},
    request_only=True,
)
EVACUATION_REQUEST = OpenApiExample(
    "Send nobody from here to another region",
    value={"scope": "region", "target": "eu-west", "status": "critical", "reason": "packet loss", "expires_in": "2h"},
    request_only=True,
)
POLICY_REQUEST = OpenApiExample(
    "Fail over when fewer than two, or fewer than half, serve",
    value={
        "min_healthy": 2,
        "min_share": 0.5,
        "order": ["eu-west", "ap-south"],
        "stale": "demote",
        "stale_after": "1m",
        "hold_down": "30s",
    },
    request_only=True,
)
POLICY = OpenApiExample(
    "A failover policy",
    value={
        "region": "us-east",
        "namespace": "default",
        "service": "user-service",
        "min_healthy": 2,
        "min_share": 0.5,
        "order": ["eu-west", "ap-south"],
        "nearest": 0,
        "stale": "demote",
        "stale_after": "1m",
        "hold_down": "30s",
        "index": 44,
    },
    response_only=True,
)
CHANGE = OpenApiExample(
    "A change",
    value={
        "region": "us-east",
        "index": 43,
        "at": "2027-01-15T08:00:00.000Z",
        "key": "override/b3f1c2",
        "verb": "set_override",
        "actor": "admin:alice@10.0.0.8/api",
        "cause": "disk is failing, being replaced",
        "removed": False,
    },
    response_only=True,
)
TOKEN_REQUEST = OpenApiExample(
    "A token for a deployment",
    value={"name": "ci", "scopes": ["read", "write:user-"], "expires_in": "90d"},
    request_only=True,
)
DECISION = OpenApiExample(
    "A decision", value={"reason": "the switch of rack 7 is down, the services are fine"}, request_only=True
)
