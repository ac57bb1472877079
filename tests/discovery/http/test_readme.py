"""The manual page of the native dialect says what the code does."""

import re
from pathlib import Path

from catalog.records.registration import LARGEST_BODY
from discovery.http import parameters, writes
from discovery.web import problems
from discovery.web.blocking import DEFAULT_WAIT, LONGEST_WAIT

README = (Path(parameters.__file__).parent / "README.md").read_text()


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")][1:]


def test_every_parameter_is_described_and_no_other() -> None:
    assert set(re.findall(r"`(\w+)`", " ".join(rows("Lookups")))) == set(parameters.LOOKUP)


def test_every_status_of_a_problem_is_described() -> None:
    described = set(re.findall(r"\d{3}", " ".join(rows("Errors"))))
    raised = {str(status) for _, status, _ in problems.STATUSES.values()} - {"410", "500"}  # of peers, and our mistakes
    assert raised == described


def test_the_limits_are_those_of_the_code() -> None:
    assert (LARGEST_BODY, writes.LARGEST_REPORT, writes.LARGEST_BULK) == (64 * 1024, 16 * 1024, 8 * 2**20)
    assert "64 KiB; 16 KiB; 8 MiB and 1,000 entries" in README
    assert (DEFAULT_WAIT, LONGEST_WAIT, writes.MOST_IN_BULK) == (300, 600, 1000)
