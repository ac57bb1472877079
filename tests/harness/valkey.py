"""A Valkey of the test's own, to be killed and started again."""

import subprocess
from pathlib import Path
from typing import Any, Self

from config.local.ports import free_port
from config.local.valkey import valkey_answers, valkey_command, valkey_url
from tests.harness.processes import spawn
from tests.harness.waiting import eventually


class Valkey:
    """Runs within its `with` block, always on the same port; each start is empty."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = valkey_url(self.port)
        self._command = valkey_command(self.port, directory)
        self.process: subprocess.Popen[Any]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = spawn(self._command, stdout=subprocess.DEVNULL)
        eventually(self._answers, what="Valkey answers")

    def kill(self) -> None:
        """End it at once. Killing twice is harmless."""
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None, "Valkey has ended"
        return valkey_answers(self.port)
