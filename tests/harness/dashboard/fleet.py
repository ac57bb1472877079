"""What is registered in the region of the browser tests before the first page is opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.harness.calls import answered, register
from tests.harness.dashboard.servers import HealthServer
from tests.harness.region import Region
from tests.harness.waiting import eventually

FAILS = "billing-2"  # its check fails from the beginning


@dataclass
class Fleet:
    """Instances with real servers: `servers` by id. Tests that break something register an instance of their own."""

    region: Region
    servers: dict[str, HealthServer] = field(default_factory=dict)

    def start(self) -> None:
        """Start the servers, register everything, and wait until checks have said how it is."""
        for service, ids in SERVED.items():
            for number, id in enumerate(ids):
                self.add(service, id, failing=id == FAILS, **described(self.region, number))
        for number in (1, 2):
            register(self.region, "mail", f"mail-{number}", host=f"10.0.0.{number}", port=25, tags=["smtp"])
        eventually(lambda: answered(self.region, "billing") == ["billing-1"], within=20, what=f"{FAILS} is critical")

    def add(self, service: str, id: str, *, failing: bool = False, **given: Any) -> HealthServer:
        """One more instance with a server of its own."""
        server = HealthServer()
        server.failing = failing
        server.start()
        self.servers[id] = server
        check = {"type": "http", "url": server.url, "interval": "1s", "timeout": "2s"}
        register(self.region, service, id, **{"checks": [check], **given})
        return server

    def stop(self) -> None:
        """End all servers."""
        for server in self.servers.values():
            server.stop()


SERVED: Mapping[str, tuple[str, ...]] = {
    "web": ("web-1", "web-2", "web-3"),
    "billing": ("billing-1", FAILS),
    "search": ("search-1",),
}


def described(region: Region, number: int) -> dict[str, Any]:
    """What the instance with this number says about itself."""
    return {
        "zone": f"{region.name}-1{'ab'[number % 2]}",
        "version": f"2.{number}.0",
        "tags": ["core", f"rack-{number}"],
        "metadata": {"team": "platform"},
        "weight": 10 * (number + 1),
    }
