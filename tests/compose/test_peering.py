"""The commands with which the README makes the three regions peers do so, exactly as they stand there."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config.local.plan import BASE_DIR
from tests.harness.compose.description import DIRECTORY, REGIONS
from tests.harness.compose.loopback import LoopbackRegion
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("regions")]

# `docker compose exec -T SERVICE COMMAND…` for containers that are plain processes here.
DOCKER = """#!{python}
import json, os, sys
environments = json.load(open({environments!r}))
compose, run, flag, service, *command = sys.argv[1:]
assert (compose, run, flag) == ("compose", "exec", "-T"), sys.argv
os.chdir({base!r})
os.execvpe(command[0], command, environments[service])
"""


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[dict[str, LoopbackRegion]]:
    """The three regions, each with its Valkey and server; us-east, which is looked at, has a worker and beat too."""
    with ExitStack() as stack:
        made = {}
        for name in REGIONS:
            database = f"sqlite:///{tmp_path / name}.sqlite3"
            region = made[name] = stack.enter_context(LoopbackRegion(name, tmp_path / name, database_url=database))
            region.start_valkey()
            region.run_once("prepare")
            for part in ("server", "worker", "beat") if name == "us-east" else ("server",):
                region.start(part)
        for region in made.values():
            region.wait_healthy("server")
        yield made


@pytest.fixture
def shell(tmp_path: Path, regions: dict[str, LoopbackRegion]) -> dict[str, str]:
    """The variables of a shell in which `docker` leads to the regions."""
    environments = tmp_path / "environments.json"
    environments.write_text(json.dumps({f"{name}-server": of.environment("server") for name, of in regions.items()}))
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER.format(python=sys.executable, environments=str(environments), base=str(BASE_DIR)))
    docker.chmod(0o755)
    return {"PATH": f"{docker.parent}:{os.environ['PATH']}"}


def commands() -> list[str]:
    """The blocks of shell in the README's section about peers."""
    section = (DIRECTORY / "README.md").read_text().partition("## Making them peers\n")[2].partition("\n## ")[0]
    return [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", section, flags=re.MULTILINE)]


def run(shell: dict[str, str], text: str) -> str:
    """What a piece of shell prints; it fails as soon as one of its commands does."""
    done = subprocess.run(
        ["sh", "-eu", "-c", text], env=shell, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_s_commands_make_every_two_regions_peers(shell: dict[str, str]) -> None:
    peering, showing = commands()
    assert run(shell, peering).count("is a peer now") == 3
    assert "eu-west" in run(shell, showing)

    def cells() -> dict[tuple[str, str], dict[str, Any]]:
        found = json.loads(run(shell, f"{showing.strip()} --json"))["cells"]
        return {(cell["by"], cell["of"]): cell for cell in found}

    held = {("us-east", of) for of in REGIONS}
    eventually(
        lambda: held <= {place for place, cell in cells().items() if cell["freshness"] == "live" and cell["equal"]},
        within=60,
        what="us-east holds what each region has",
    )
