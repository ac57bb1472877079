"""What runs when a region runs on one machine: a plan of the region, and the processes that follow from it."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.environment import Address
from config.local.ports import Claim
from config.local.valkey import valkey_command, valkey_url

BASE_DIR = Path(__file__).resolve().parents[2]
MANAGE = (sys.executable, str(BASE_DIR / "manage.py"))
APART = 10  # ports between two regions on one machine
# Where a demo's regions are on a map, by the names that clouds have made familiar: latitude and longitude.
DEMO_PLACES = {
    "us-east": "39.0,-77.5",
    "us-west": "45.8,-119.7",
    "us-central": "41.3,-95.9",
    "ca-central": "45.5,-73.6",
    "sa-east": "-23.5,-46.6",
    "eu-west": "53.3,-6.3",
    "eu-central": "50.1,8.7",
    "eu-north": "59.3,18.1",
    "af-south": "-33.9,18.4",
    "me-south": "26.1,50.6",
    "ap-south": "19.1,72.9",
    "ap-southeast": "1.3,103.8",
    "ap-northeast": "35.7,139.7",
}
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names what others may have bound


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPlan:
    """One region on this machine. `valkey_port` is None when `valkey_url` names a server that runs elsewhere.

    `share` says which of several regions it is, such as 2/3, and thereby what of the demo runs in it.
    """

    region: str
    data: Path
    http: Address
    dns: Address
    valkey_url: str
    valkey_port: int | None = None
    demo: bool = False
    share: str = ""

    @property
    def url(self) -> str:
        """The base URL of the region as seen from this machine."""
        return f"http://{Address(WILDCARDS.get(self.http.host, self.http.host), self.http.port)}"


def beside(plan: RegionPlan, regions: tuple[str, ...], ports: Callable[[], int]) -> tuple[RegionPlan, ...]:
    """The plans of several regions: the first where `plan` is, each with data, Valkey and ports of its own.

    `ports` gives free ones for Valkey.
    """
    return tuple(
        replace(
            plan,
            region=region,
            data=plan.data / region,
            http=Address(plan.http.host, plan.http.port + number * APART),
            dns=Address(plan.dns.host, plan.dns.port + number * APART),
            valkey_url=valkey_url(port),
            valkey_port=port,
            share=f"{number + 1}/{len(regions)}",
        )
        for number, (region, port) in enumerate(zip(regions, (ports() for _ in regions), strict=True))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process to keep running. `grace` is how many seconds it may take to end before it is killed."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0


def plan_region(
    *, region: str, data: Path, http: Address, dns: Address, demo: bool, valkey: str | None, free_port: int
) -> RegionPlan:
    """The plan of a region over the Valkey at the URL `valkey`, or over an embedded one on `free_port` if None."""
    return RegionPlan(
        region=region,
        data=data,
        http=http,
        dns=dns,
        valkey_url=valkey or valkey_url(free_port),
        valkey_port=None if valkey else free_port,
        demo=demo,
    )


def region_environment(plan: RegionPlan) -> dict[str, str]:
    """The variables that every process of the region is given over those of the caller."""
    return {
        "MERIDIAN_REGION": plan.region,
        "MERIDIAN_DATA": str(plan.data),
        "MERIDIAN_HTTP_HOST": plan.http.host,
        "MERIDIAN_HTTP_PORT": str(plan.http.port),
        "MERIDIAN_DNS_HOST": plan.dns.host,
        "MERIDIAN_DNS_PORT": str(plan.dns.port),
        "MERIDIAN_VALKEY_URL": plan.valkey_url,
        "MERIDIAN_COORDINATES": _coordinates(plan),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(BASE_DIR), os.environ.get("PYTHONPATH", "")))),
        "PYTHONUNBUFFERED": "1",
    }


def _coordinates(plan: RegionPlan) -> str:
    """As the caller says, which can be meant for one region alone; a demo's region is where its name says."""
    said = "" if plan.share else os.environ.get("MERIDIAN_COORDINATES", "")
    return said or (DEMO_PLACES.get(plan.region, "") if plan.demo else "")


def region_claims(plan: RegionPlan) -> tuple[Claim, ...]:
    """The ports that the region needs and that were chosen by the operator."""
    both = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    return (Claim(plan.http, "HTTP", "--port"), Claim(plan.dns, "DNS", "--dns-port", both))


def preparation(plan: RegionPlan) -> Process:
    """What runs once before the region does: tables, static files, and with the demo an administrator."""
    command = (*MANAGE, "prepare", *(("--admin",) if plan.demo else ()))
    return Process(name="prepare", command=command, environment=region_environment(plan))


def region_processes(plan: RegionPlan) -> tuple[Process, ...]:
    """The processes of the region in the order in which they start. They end in the reverse order."""
    environment = region_environment(plan)
    rows = [("server", (*MANAGE, "serve")), ("worker", (*MANAGE, "work")), ("dns", (*MANAGE, "dns"))]
    return tuple(Process(name=name, command=command, environment=environment) for name, command in rows)


def demo_process(plan: RegionPlan) -> Process | None:
    """The demo fleet, if wanted. It starts once the region is ready, and ends first."""
    if not plan.demo:
        return None
    command = (sys.executable, "-m", "demo", "--url", plan.url, *_part_of_demo(plan))
    return Process(name="demo", command=command, environment=region_environment(plan))


def _part_of_demo(plan: RegionPlan) -> tuple[str, ...]:
    """What of the demo runs in one of several regions: its own services, zones and story, told more slowly.

    It ends without deregistering: to the other regions that would look as if this one had lost its catalog.
    """
    if not plan.share:
        return ()
    number = plan.share.partition("/")[0]
    zones = ",".join(f"{plan.region}-1{letter}" for letter in "abc")
    return ("--share", plan.share, "--seed", number, "--zones", zones, "--pace", "0.5", "--vanish")


def valkey_process(plan: RegionPlan) -> Process | None:
    """The embedded Valkey, unless the region uses another one. Everything else starts after it and ends before it."""
    if plan.valkey_port is None:
        return None
    return Process(name="valkey", command=valkey_command(plan.valkey_port, plan.data))
