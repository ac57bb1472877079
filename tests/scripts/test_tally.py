"""The last line of a test run sums up its parts, and its exit code tells the truth."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.local.plan import BASE_DIR


def tally(tmp_path: Path, broken: int, *suites: str) -> tuple[int, str]:
    files = []
    for number, suite in enumerate(suites):
        files.append(tmp_path / f"{number}.xml")
        files[-1].write_text(f"<testsuites>{suite}</testsuites>")
    command: list[str | Path] = [sys.executable, BASE_DIR / "scripts" / "tally.py", str(broken), *files]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return run.returncode, run.stdout


def suite(tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    return f'<testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"/>'


def test_runs_are_summed(tmp_path: Path) -> None:
    assert tally(tmp_path, 0, suite(10, skipped=1), suite(5)) == (0, "14 passed, 0 failed\n")


@pytest.mark.parametrize(("broken", "part"), [(0, suite(2, failures=1)), (0, suite(2, errors=1)), (1, suite(1))])
def test_any_failure_fails_the_whole(tmp_path: Path, broken: int, part: str) -> None:
    assert tally(tmp_path, broken, suite(3), part) == (1, "4 passed, 1 failed\n")


def test_a_run_without_tests_is_no_success(tmp_path: Path) -> None:
    assert tally(tmp_path, 0, suite(0)) == (1, "0 passed, 0 failed\n")
