"""The man page says what the code does."""

import re
from pathlib import Path

import pytest

from catalog.records.check import FIELDS_BY_TYPE, LEAST_INTERVAL, METHODS, RECORDS, Check, CheckType
from catalog.records.duration import spoken
from registry.checks import probes
from registry.checks.probes.guard import REFUSED
from registry.checks.probes.tools import USER_AGENT

PAGE = (Path(probes.__file__).parent / "README.md").read_text()
ROWS = {name: default.strip(" `") for name, default in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE)}
METADATA = [str(network.network_address) for network, reason in REFUSED if "metadata" in reason]
DEFAULT = Check(name="c", type=CheckType.TCP)


@pytest.mark.parametrize("field", ["interval", "timeout"])
def test_a_length_has_the_default_that_the_page_says(field: str) -> None:
    assert ROWS[field] == spoken(getattr(DEFAULT, field))


@pytest.mark.parametrize("field", ["success_before_passing", "failures_before_critical", "status", "method", "record"])
def test_an_option_has_the_default_that_the_page_says(field: str) -> None:
    assert ROWS[field] == str(getattr(DEFAULT, field))


@pytest.mark.parametrize("kind", [CheckType.HTTP, CheckType.TCP, CheckType.GRPC, CheckType.DNS])
def test_every_option_of_a_type_is_described(kind: CheckType) -> None:
    section = PAGE.partition(f"**`{kind}`**")[2].partition("\n**`")[0]
    assert [field for field in FIELDS_BY_TYPE[kind] if f"`{field}`" not in section] == []


@pytest.mark.parametrize("word", [*METHODS, *RECORDS, *METADATA, USER_AGENT, f"`{spoken(LEAST_INTERVAL)}`"])
def test_the_page_names_what_is_allowed_and_what_is_refused(word: str) -> None:
    assert word in PAGE
