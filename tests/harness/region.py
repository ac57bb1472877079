"""A whole region as real processes: `manage.py up` on free ports over a directory of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psutil

from config.environment import Address
from config.local.plan import BASE_DIR, RegionPlan, region_environment
from config.local.ports import free_port
from tests.harness.processes import plain_environment, spawn
from tests.harness.waiting import eventually

READY_WITHIN = 100.0
STOPPED_WITHIN = 40.0


class Region:
    """Start it, ask it, kill parts of it, stop it. Every wait is bounded."""

    def __init__(
        self,
        data: Path,
        *,
        name: str = "us-east",
        demo: bool = False,
        variables: Mapping[str, str] | None = None,
        code: Path = BASE_DIR,
    ) -> None:
        self.code = code  # the tree of the project that it runs
        self.data = data
        self.name = name
        self.demo = demo
        self.variables = {"MERIDIAN_LOG_LEVEL": "info", **(variables or {})}
        self.http_port = free_port()
        self.dns_port = free_port()
        self.output = data.with_suffix(".log")
        self._began_at = 0
        self.supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL of its server."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def valkey_url(self) -> str:
        """Where its Valkey is while it runs."""
        return str(self._record()["valkey"])

    def settings(self) -> dict[str, str]:
        """The variables with which another command works on this region while it runs."""
        http, dns = Address("127.0.0.1", self.http_port), Address("127.0.0.1", self.dns_port)
        plan = RegionPlan(region=self.name, data=self.data, http=http, dns=dns, valkey_url=self.valkey_url)
        return {**self.variables, **region_environment(plan)}

    def start(self, *, wait: bool = True) -> None:
        """Start it, and unless told otherwise wait until it is ready. As a context manager it is sure to end."""
        flags = ["--region", self.name, "--port", str(self.http_port), "--dns-port", str(self.dns_port)]
        flags += ["--data", str(self.data), *(["--demo"] if self.demo else [])]
        # A region brings its own Valkey; the one of the tests is not for it.
        variables = plain_environment()
        self._began_at = len(self.log())
        with self.output.open("ab") as output:
            self.supervisor = spawn(
                [sys.executable, str(self.code / "manage.py"), "up", *flags],
                env={**variables, **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self, *, within: float = READY_WITHIN) -> None:
        """Wait until the region has printed that it is ready."""
        try:
            eventually(self._said_ready, within=within, what="the region is ready")
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self.log()[-3000:]}") from None

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does and return its exit code; does nothing when it has ended."""
        if self.supervisor is None:
            return 0
        if self.supervisor.poll() is None:
            self.supervisor.send_signal(number)
        try:
            return self.supervisor.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.supervisor.kill()
            self.supervisor.wait()
            raise

    def pid(self, name: str) -> int | None:
        """The pid of one of its processes: server, worker, beat, dns, valkey or demo; None while it does not run."""
        return dict(self._record()["processes"]).get(name)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the whole group of one process, without warning; returns the pid that it had."""
        pid = eventually(lambda: self.pid(name), what=f"{name} runs")
        os.killpg(pid, number)
        return int(pid)

    def wait_restarted(self, name: str, *, was: int, within: float = 20.0) -> int:
        """Wait until the process runs again under another pid than `was`, and return that."""
        return int(eventually(lambda: self.pid(name) not in {None, was} and self.pid(name), within=within, what=name))

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        assert self.supervisor is not None
        top = psutil.Process(self.supervisor.pid)
        return [top, *top.children(recursive=True)]

    def get(self, path: str, *, timeout: float = 5.0) -> tuple[int, bytes]:
        """Status and body of a GET; any status is an answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read()

    def is_ready(self) -> bool:
        """True when the server answers that it is ready."""
        try:
            return self.get("/health/ready")[0] == 200
        except OSError:
            return False  # it does not listen, or the connection broke

    def log(self) -> str:
        """What all its processes have printed."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def _said_ready(self) -> bool:
        assert self.supervisor is not None
        assert self.supervisor.poll() is None, f"the region has ended\n{self.log()[-3000:]}"
        return f"Region {self.name} is ready." in self.log()[self._began_at :]

    def _record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.data / "processes.json").read_text())
        return record
