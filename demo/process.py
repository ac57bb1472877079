"""One process of an instance, as a caller sees it: its HTTP server and, if it has one, its gRPC server."""

from __future__ import annotations

from demo.grpc_server import GrpcServer
from demo.http_server import Behaviour, HttpServer
from demo.plan import InstancePlan


class Process:
    """Servers that start and end together. A new version of an instance is a new process."""

    def __init__(self, plan: InstancePlan) -> None:
        self.http = HttpServer(plan)
        self._grpc = GrpcServer(self.http) if plan.grpc else None

    @property
    def port(self) -> int:
        """The HTTP port. Raises RuntimeError when it does not listen."""
        return self.http.port

    @property
    def ports(self) -> dict[str, int]:
        """The named ports beside the HTTP port."""
        return {} if self._grpc is None else {"grpc": self._grpc.port}

    async def start(self) -> None:
        """Listen on free ports of the loopback address."""
        await self.http.start()
        if self._grpc is not None:
            await self._grpc.start()

    def behave(self, behaviour: Behaviour, reason: str) -> None:
        """Let its health say something else from now on."""
        self.http.behaviour = behaviour
        self.http.reason = reason

    async def close(self) -> None:
        """Stop listening and drop every connection. Closing twice is harmless."""
        self.http.close()
        if self._grpc is not None:
            await self._grpc.close()
