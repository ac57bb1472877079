"""What `compose/` describes, read as a container engine would read it."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config.local.plan import BASE_DIR

DIRECTORY = BASE_DIR / "compose"
REGIONS = {"us-east": 0, "eu-west": 10, "ap-south": 20}  # what each adds to the ports
PARTS = ("database", "valkey", "prepare", "server", "worker", "beat", "dns")
OURS = ("prepare", "server", "worker", "beat", "dns")  # the parts that run this project's code
DATA = "/var/lib/meridian"
SECRETS = "/run/secrets/"


@cache
def compose() -> dict[str, Any]:
    """The Compose file with its anchors resolved."""
    read: dict[str, Any] = yaml.safe_load((DIRECTORY / "compose.yaml").read_text())
    return read


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the file."""

    region: str
    part: str

    @property
    def name(self) -> str:
        """As the file has it."""
        return f"{self.region}-{self.part}"

    @property
    def described(self) -> dict[str, Any]:
        """Its entry in the file."""
        entry: dict[str, Any] = compose()["services"][self.name]
        return entry

    @property
    def environment(self) -> dict[str, str]:
        """Its variables."""
        return dict(self.described.get("environment", {}))

    @property
    def command(self) -> list[str]:
        """Its command; empty when it is the image's own."""
        return list(self.described.get("command", []))

    @property
    def health(self) -> list[str]:
        """The command that tells whether it is healthy, with the word for its kind before it."""
        return list(self.described.get("healthcheck", {}).get("test", []))

    @property
    def networks(self) -> set[str]:
        """The networks that it is on."""
        return set(self.described["networks"])

    @property
    def secrets(self) -> dict[str, str]:
        """The paths at which it sees secrets, and the names of those."""
        return {SECRETS + secret["target"]: secret["source"] for secret in self.described.get("secrets", [])}

    @property
    def ports(self) -> list[tuple[str, int, int, str]]:
        """What is published: address, outer and inner port, protocol."""
        return [_port(text) for text in self.described.get("ports", [])]

    @property
    def volumes(self) -> dict[str, str]:
        """The directories that are volumes, and their names."""
        return {place: name for name, _, place in (text.partition(":") for text in self.described.get("volumes", []))}


def services(*parts: str) -> list[Service]:
    """The services of all regions, of these parts or of all."""
    return [Service(region, part) for region in REGIONS for part in (parts or PARTS)]


def _port(text: str) -> tuple[str, int, int, str]:
    found = re.fullmatch(r"\$\{PUBLISH:-([0-9.]+)\}:(\d+):(\d+)(?:/(tcp|udp))?", text)
    assert found, f"{text} is not published on the address that PUBLISH names"
    return found[1], int(found[2]), int(found[3]), found[4] or "tcp"


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions with their arguments, continued lines joined, comments left out."""
    text = (DIRECTORY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], " ".join(line.split(maxsplit=1)[1].split())) for line in lines]


def ignored() -> list[str]:
    """What is not copied into the image."""
    lines = Path(DIRECTORY / "Containerfile.dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]
