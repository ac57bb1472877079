"""Commands that cannot start say so in one sentence instead of a traceback."""

import os
import subprocess
import sys

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
    assert "not a DNS label" in run.stderr
    assert "Traceback" not in run.stderr
