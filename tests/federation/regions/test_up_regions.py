"""`manage.py up --regions` runs several regions on one machine that answer for each other."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import psutil
import pytest

from config.environment import Address
from config.local.plan import APART, MANAGE
from config.local.ports import Claim, busy_claim, free_port
from tests.harness.processes import plain_environment, spawn
from tests.harness.region import STOPPED_WITHIN
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420), pytest.mark.xdist_group("regions")]
REGIONS = ("us-east", "eu-west", "ap-south")


class RegionsOfOneCommand:
    """Regions run by one command; `http` and `dns` are the ports of the first."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.http, self.dns = free_ports(), free_ports()
        self.output = data.with_suffix(".log")
        self._began_at = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it has said where to look."""
        self._began_at = len(self.log())
        flags = ("--regions", ",".join(REGIONS), "--port", str(self.http), "--dns-port", str(self.dns))
        plain = plain_environment()
        with self.output.open("ab") as output:
            self.process = spawn(
                [*MANAGE, "up", *flags, "--data", str(self.data)],
                env=plain, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0
            )  # fmt: skip
        if wait:
            eventually(self._said_ready, within=280, what="the regions are ready")

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def new_lines(self) -> str:
        """What was printed since the last start."""
        return self.log()[self._began_at :]

    def log(self) -> str:
        """What was printed."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def ask(self, number: int, path: str, *, method: str = "GET", body: Any = None) -> tuple[dict[str, str], Any]:
        """Ask the region of that number; returns headers and body. Raises HTTPError unless it succeeds."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http + number * APART}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=5) as answer:
            return dict(answer.headers.items()), json.loads(answer.read() or b"null")

    def dig(self, name: str, kind: str) -> list[str]:
        """Ask the first region's DNS; nothing when it is silent, as it may be while it is being started again."""
        try:
            answer = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.dns, timeout=3)
        except dns.exception.Timeout:
            return []
        return [item.to_text() for found in answer.answer for item in found]

    def _said_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the regions have ended\n{self.log()[-3000:]}"
        return "Regions us-east, eu-west and ap-south are ready" in self.new_lines()


def free_ports() -> int:
    """A port that is free, as are those of the regions beside it."""
    while True:
        first = free_port()
        addresses = [Address("127.0.0.1", first + number * APART) for number in range(len(REGIONS))]
        if addresses[-1].port < 65536 and busy_claim(tuple(Claim(each, "a test", "") for each in addresses)) is None:
            return first


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegionsOfOneCommand]:
    """Three regions, with one instance in eu-west."""
    running = RegionsOfOneCommand(tmp_path_factory.mktemp("federation") / "data")
    try:
        running.start()
        running.ask(1, "/services/web/one", method="PUT", body={"host": "10.1.2.3", "port": 80})
        yield running
    finally:
        running.stop()


def instances(federation: RegionsOfOneCommand, query: str, *, number: int = 0) -> list[str]:
    try:
        return [found["id"] for found in federation.ask(number, f"/services/web?{query}")[1]]
    except urllib.error.HTTPError as answer:
        answer.close()
        return []


@pytest.mark.parametrize("number", range(3), ids=REGIONS)
def test_every_region_answers_for_eu_west(federation: RegionsOfOneCommand, number: int) -> None:
    def answered() -> bool:
        headers, found = federation.ask(number, "/services/web?region=eu-west")
        return [each["id"] for each in found] == ["one"] and headers["meridian-freshness"] == "live"

    eventually(lambda: instances(federation, "region=eu-west", number=number), within=15, what="the mirror is there")
    eventually(answered, within=15, what="the mirror is live")
    assert federation.ask(number, "/services/web?region=eu-west")[0]["meridian-region"] == "eu-west"


def test_us_east_answers_for_eu_west_by_dns(federation: RegionsOfOneCommand) -> None:
    eventually(lambda: federation.dig("web.service.eu-west.consul", "A") == ["10.1.2.3"], within=15, what="the name")


def test_every_two_regions_are_peers(federation: RegionsOfOneCommand) -> None:
    for number, region in enumerate(REGIONS):
        _, matrix = federation.ask(number, "/api/v1/federation")
        assert {peer["region"] for peer in matrix["peers"]} == set(REGIONS) - {region}


@pytest.mark.flaky(reruns=0)  # it leaves nothing behind that a second try could begin with
def test_ctrl_c_ends_every_process_and_a_second_start_finds_the_peers(federation: RegionsOfOneCommand) -> None:
    assert federation.process is not None
    top = psutil.Process(federation.process.pid)
    everything = [top, *top.children(recursive=True)]
    assert len(everything) >= 2 + 3 * 4  # this one and its fork server; of each region Valkey, server, worker and DNS
    assert federation.stop() == 0
    assert [process for process in everything if process.is_running()] == []
    federation.start()
    assert "are peers now" not in federation.new_lines()
    eventually(lambda: instances(federation, "region=eu-west") == ["one"], within=15, what="the mirror is there again")


@pytest.mark.parametrize(
    ("flags", "variables", "complaint"),
    [
        (("--regions", "us-east"), {}, "does not name two or more different regions"),
        (("--regions", "us-east,us-east"), {}, "does not name two or more different regions"),
        (("--regions", "a,b"), {"MERIDIAN_VALKEY_URL": "redis://127.0.0.1/0"}, "every region has its own"),
        (("--regions", "a,B_"), {}, "is not a DNS label"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path, flags: tuple[str, ...], variables: dict[str, str], complaint: str
) -> None:
    plain = plain_environment()
    done = subprocess.run(
        [sys.executable, MANAGE[1], "up", *flags, "--data", str(tmp_path / "data")],
        env=plain | variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert complaint in done.stderr
    assert not (tmp_path / "data").exists()
