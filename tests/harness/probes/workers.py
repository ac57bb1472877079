"""Real worker processes: `python -m tests.harness.probes.workers probe` does what Celery's task does each second."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from tests.harness.processes import spawn

ROOT = Path(__file__).resolve().parents[3]


BOOT = 60  # seconds for a process that registers


class Workers:
    """Processes over one database and one Valkey; all of them end with `stop`."""

    def __init__(self, database_url: str, valkey_url: str, data: Path) -> None:
        self._variables = {
            **os.environ,
            "MERIDIAN_DATABASE_URL": database_url,
            "MERIDIAN_VALKEY_URL": valkey_url,
            "MERIDIAN_DATA": str(data),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(ROOT),
        }
        self._log = (data / "workers.log").open("ab")
        self._started: list[subprocess.Popen[bytes]] = []
        self._run("manage.py", "migrate", "--verbosity", "0")

    def register(self, number: int, url: str, *, interval: str, timeout: str = "1s", failures: int = 3) -> None:
        """Register `number` instances of `web`, each with one HTTP check of `<url>/<its number>`."""
        self._run("-m", "tests.harness.probes.workers", "register", str(number), url, interval, timeout, str(failures))

    def start(self) -> subprocess.Popen[bytes]:
        """A worker process that probes until it is ended."""
        worker = self._popen("-m", "tests.harness.probes.workers", "probe", output=self._log)
        self._started.append(worker)
        return worker

    def stop(self) -> None:
        """End every worker process."""
        for worker in self._started:
            worker.kill()
            worker.wait()
        self._log.close()

    def _run(self, *command: str) -> None:
        with self._popen(*command, output=self._log) as process:
            assert process.wait(BOOT) == 0, command

    def _popen(self, *command: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return spawn(
            [sys.executable, *command],
            cwd=ROOT,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def main(what: str, *arguments: str) -> None:
    """The process itself."""
    import django

    django.setup()
    if what == "probe":
        from registry.tasks import probe

        while True:
            probe.run()
    register_many(*arguments)


def register_many(number: str, url: str, interval: str, timeout: str, failures: str) -> None:
    """See `Workers.register`."""
    from catalog.records.registration import from_mapping
    from registry import actions

    common = {"type": "http", "interval": interval, "timeout": timeout, "failures_before_critical": int(failures)}
    rows = [
        (
            "default",
            "web",
            f"web-{n}",
            from_mapping({"host": "127.0.0.1", "port": 80, "checks": [{"url": f"{url}/{n}", **common}]}),
        )
        for n in range(int(number))
    ]
    actions.register_many(rows, actor="test", cause="test")


if __name__ == "__main__":
    main(*sys.argv[1:])
