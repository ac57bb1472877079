"""The gRPC server of one instance: the standard health service, in step with its `/health`."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from demo.http_server import HANG_SECONDS, LOOPBACK, Behaviour, HttpServer


class GrpcServer:
    """Answers `grpc.health.v1.Health/Check` for the same instance as `http`, and with its behaviour."""

    def __init__(self, http: HttpServer) -> None:
        self._health = _Health(http)
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of the loopback address; `port` says which."""
        # Without this two servers could share one port, and one would get the other's calls.
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self.port = server.add_insecure_port(f"{LOOPBACK}:0")
        await server.start()
        self._server = server

    async def close(self) -> None:
        """Stop listening and break off what is under way. Closing twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace=None)


class _Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package carries no types
    def __init__(self, http: HttpServer) -> None:
        self._http = http

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        if request.service not in ("", self._http.plan.service):
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here")
        if self._http.behaviour is Behaviour.HANGING:
            await asyncio.sleep(HANG_SECONDS)
        failing = self._http.behaviour is Behaviour.FAILING
        status = health_pb2.HealthCheckResponse.NOT_SERVING if failing else health_pb2.HealthCheckResponse.SERVING
        return health_pb2.HealthCheckResponse(status=status)
