"""Commands that cannot start say so in one sentence instead of a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.local.plan import BASE_DIR


@pytest.mark.parametrize("command", [["check"], ["up", "--help"], ["serve"]])
def test_a_wrong_variable_is_one_sentence_whatever_the_command(command: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=BASE_DIR,
        env={**os.environ, "MERIDIAN_HTTP_PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == 'meridian: MERIDIAN_HTTP_PORT is "eighty", which is not a port between 1 and 65535.\n'


def test_a_wrong_flag_is_held_to_the_rules_of_its_variable() -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "up", "--region", "Not A Label"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert 'CommandError: --region is "Not A Label", which is not a DNS label' in run.stderr
    assert "Traceback" not in run.stderr


COMMANDS = (
    ["token", "list"], ["peer", "status"], ["user", "vera", "--role", "viewer"], ["verify_log"], ["compact_log"],
    ["serve"], ["dns"],
)  # fmt: skip


def meridian(*command: str, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The launcher, as a person would type it."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("MERIDIAN_")}
    return subprocess.run(
        [BASE_DIR / "meridian", *command],
        cwd=data.parent,
        env={**given, "MERIDIAN_DATA": str(data), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_without_a_region_says_so_and_leaves_nothing_behind(command: list[str], tmp_path: Path) -> None:
    run = meridian(*command, data=tmp_path / "nothing")
    assert run.returncode == 1
    assert run.stderr.startswith(f"meridian: there is no region in {tmp_path / 'nothing'}: start one with")
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_first_token_makes_the_tables_that_it_needs(tmp_path: Path) -> None:
    made = meridian("token", "create", "root", "--scope", "operator", data=tmp_path / "data")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("mrd_")
    assert "root" in meridian("token", "list", data=tmp_path / "data").stdout
