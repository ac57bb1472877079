"""What is forked from the fork server is what it would be as a command."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.local.plan import BASE_DIR
from tests.harness.processes import plain_environment

pytestmark = pytest.mark.timeout(200)

COMMAND = """
import json, os, sys
from django.conf import settings
print(json.dumps({
    "arguments": sys.argv[1:], "region": settings.MERIDIAN.region, "table": settings.DATABASES["default"]["NAME"],
    "parent": os.getppid(), "group": os.getpgid(0) == os.getpid(), "name": __name__,
}))
print("complaint", file=sys.stderr)
sys.exit(7)
"""
SLEEPER = "import time; time.sleep(100)"
SUPERVISOR = """
import asyncio, json, os, signal, sys, tempfile
import django

django.setup()
from django.conf import settings
from config.local.fork_server import fork_server

command, sleeper, data = sys.argv[1:]
home = settings.MERIDIAN.region


async def run(forks, command):
    environment = {**os.environ, "MERIDIAN_REGION": "eu-west", "MERIDIAN_DATA": data}
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaint:
        child = await forks.start(command, environment, stdout=printed.fileno(), stderr=complaint.fileno())
        code = await child.wait()
        printed.seek(0)
        complaint.seek(0)
        return {"code": code, "pid": child.pid, "complaint": complaint.read().decode(), **json.load(printed)}


async def main(forks):
    forked = await run(forks, (sys.executable, command, "one", "two"))
    server = forked["parent"]
    sleeping = await forks.start((sys.executable, sleeper), os.environ, stdout=1, stderr=2)
    os.kill(sleeping.pid, signal.SIGTERM)
    ended = await sleeping.wait()
    orphan = await forks.start((sys.executable, sleeper), os.environ, stdout=1, stderr=2)
    os.kill(server, signal.SIGKILL)
    lost = await orphan.wait()
    started = await run(forks, (sys.executable, command, "one", "two"))
    return {"home": home, "us": os.getpid(), "forked": forked, "ended": ended, "lost": lost, "started": started}


with fork_server() as forks:
    print(json.dumps(asyncio.run(main(forks))))
"""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a supervisor with a fork server saw, before the server was killed and after."""
    directory: Path = tmp_path_factory.mktemp("forks")
    files = {"command.py": COMMAND, "sleeper.py": SLEEPER, "supervisor.py": SUPERVISOR}
    for name, code in files.items():
        (directory / name).write_text(code)
    environment = {
        **plain_environment(), "PYTHONPATH": str(BASE_DIR), "DJANGO_SETTINGS_MODULE": "config.settings",
        "MERIDIAN_DATA": str(directory / "home"),
    }  # fmt: skip
    paths = [str(directory / name) for name in ("supervisor.py", "command.py", "sleeper.py", "data")]
    command = [sys.executable, *paths]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_a_fork_has_the_settings_of_its_own_environment(observed: dict[str, Any]) -> None:
    assert (observed["home"], observed["forked"]["region"]) == ("us-east", "eu-west")
    assert "/data/" in observed["forked"]["table"]


def test_a_fork_is_the_command_that_was_asked_for(observed: dict[str, Any]) -> None:
    same = ("arguments", "code", "complaint", "group", "name", "region", "table")
    forked, started = observed["forked"], observed["started"]
    assert {name: forked[name] for name in same} == {name: started[name] for name in same}
    assert (forked["arguments"], forked["code"], forked["complaint"]) == (["one", "two"], 7, "complaint\n")


def test_a_fork_takes_signals_as_a_command_does(observed: dict[str, Any]) -> None:
    assert observed["ended"] == -15


def test_what_was_forked_ends_with_the_server(observed: dict[str, Any]) -> None:
    assert observed["lost"] == -9


def test_without_the_server_commands_are_started(observed: dict[str, Any]) -> None:
    assert observed["forked"]["parent"] != observed["us"]
    assert observed["started"]["parent"] == observed["us"]
