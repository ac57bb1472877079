"""A region of the Compose file as plain processes on loopback: its exact commands, over addresses that exist here."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import redis

from config.local.plan import BASE_DIR
from config.local.ports import free_port
from config.local.valkey import valkey_command
from tests.harness.compose.description import DATA, DIRECTORY, Service
from tests.harness.processes import spawn
from tests.harness.waiting import eventually

HEALTHY_WITHIN = 120.0
ONCE_WITHIN = 180.0


class LoopbackRegion:
    """Runs the services of one region; all of them end with the `with` block."""

    def __init__(self, region: str, directory: Path, *, database_url: str) -> None:
        self.region = region
        self.data = directory / "data"
        self.secrets = directory / "secrets"
        self.http_port, self.dns_port, self.valkey_port = free_port(), free_port(), free_port()
        self._database_url = database_url
        self._output = directory / "output"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True)
        subprocess.run([DIRECTORY / "make-secrets", self.secrets], check=True, capture_output=True, timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes.values()):
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def environment(self, part: str) -> dict[str, str]:
        """The service's variables; what names another container, a volume or all addresses leads to loopback."""
        service = Service(self.region, part)
        adapted = {
            "MERIDIAN_DATABASE_URL": self._database_url,
            "MERIDIAN_VALKEY_URL": f"redis://127.0.0.1:{self.valkey_port}/0",
            "MERIDIAN_HTTP_HOST": "127.0.0.1",
            "MERIDIAN_HTTP_PORT": str(self.http_port),
            "MERIDIAN_URL": f"http://127.0.0.1:{self.http_port}",
            "MERIDIAN_DNS_HOST": "127.0.0.1",
            "MERIDIAN_DNS_PORT": str(self.dns_port),
        }
        assert set(adapted) <= set(service.environment)
        given = {name: adapted.get(name) or self._here(service, value) for name, value in service.environment.items()}
        # Off loopback, as in the containers, it is on by itself.
        return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "MERIDIAN_AUTH": "on", **given}

    def command(self, part: str) -> list[str]:
        """The service's command with the paths of here."""
        service = Service(self.region, part)
        return [self._here(service, word) for word in service.command]

    def run_once(self, part: str) -> str:
        """Run a service that ends by itself; returns what it printed."""
        environment, command = self.environment(part), self.command(part)
        run = subprocess.run(
            command, env=environment, cwd=BASE_DIR, capture_output=True, check=False, text=True, timeout=ONCE_WITHIN
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def start(self, part: str) -> None:
        """Start a service."""
        self._start(part, self.command(part), self.environment(part))

    def start_valkey(self) -> None:
        """Start Valkey with the service's own arguments; binary, port and directory are those of here."""
        name, *arguments = self.command("valkey")
        assert name == "valkey-server"
        binary, *place = valkey_command(self.valkey_port, self.secrets.parent)
        here = [word for option in ("--port", "--bind", "--dir") for word in place[place.index(option) :][:2]]
        self._start("valkey", [binary, *arguments, *here], {})
        eventually(self._valkey_answers, what="Valkey answers")

    def valkey(self, password: str | None = None) -> "redis.Redis":
        """A client of the region's Valkey."""
        return redis.Redis(port=self.valkey_port, password=password, socket_timeout=5, decode_responses=True)

    def _valkey_answers(self) -> bool:
        """True as soon as Valkey says anything, as the service's own health check has it."""
        try:
            with self.valkey() as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False

    def valkey_password(self) -> str:
        """What Meridian was told."""
        return (self.secrets / f"{self.region}-valkey-password").read_text().strip()

    def health(self, part: str) -> subprocess.CompletedProcess[str]:
        """Run the service's health check once."""
        kind, *command = Service(self.region, part).health
        assert kind == "CMD"
        return subprocess.run(
            command, env=self.environment(part), cwd=BASE_DIR, capture_output=True, check=False, text=True, timeout=30
        )

    def wait_healthy(self, part: str) -> None:
        """Run the service's health check until it says yes."""
        deadline = time.monotonic() + HEALTHY_WITHIN
        while (said := self.health(part)).returncode != 0:
            self._require_running(part)
            assert time.monotonic() < deadline, f"{part} is not healthy: {said.stderr[-500:]}"
            time.sleep(0.2)

    def stop(self, part: str) -> int:
        """End a service as a container engine does; returns its exit code. Fails when it takes longer than it may."""
        grace = float(Service(self.region, part).described.get("stop_grace_period", "10s").rstrip("s"))
        self._processes[part].terminate()
        return self._processes[part].wait(grace)

    def _start(self, part: str, command: list[str], environment: Mapping[str, str]) -> None:
        with self._output.open("ab") as output:
            self._processes[part] = spawn(
                command,
                env=dict(environment),
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _require_running(self, part: str) -> None:
        ended = self._processes[part].poll()
        assert ended is None, f"{part} has ended with {ended}\n{self._output.read_text()[-3000:]}"

    def _here(self, service: Service, text: str) -> str:
        """A path of the container as a path of this machine; other texts stay."""
        if text in service.secrets:
            return str(self.secrets / service.secrets[text])
        return text.replace(DATA, str(self.data)) if text.startswith(DATA) else text
