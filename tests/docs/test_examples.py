"""README and docs say only what is true: their examples are run, in order, against a real region."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.plan import BASE_DIR
from tests.docs.examples import Example, examples, matches
from tests.region import Region

PAGES = ["README.md", "docs/api.md", "docs/operating.md", "docs/dashboard.md"]
TIME_FOR_ONE = 30


def run(example: Example, region: Region) -> subprocess.CompletedProcess[str]:
    """Run an example as pasted, with the region's own ports in place of the usual ones."""
    command = example.command
    for usual, real in (("8500", region.http_port), ("8600", region.dns_port)):
        command = re.sub(rf"\b{usual}\b", str(real), command)
    shell = ["bash", "-euo", "pipefail", "-c", command]
    program = shell if example.language == "console" else [sys.executable, "-c", command]
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(
        program,
        cwd=BASE_DIR,
        env={"PATH": path, "HOME": str(region.data), **region.variables, "MERIDIAN_DATA": str(region.data)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_FOR_ONE,
        check=False,
    )


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """One region for all pages: each speaks of services of its own."""
    with Region(tmp_path_factory.mktemp("docs") / "data") as running:
        running.start()
        yield running


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_page_does_what_the_page_says(page: str, region: Region):
    found = examples(BASE_DIR / page)
    assert found, f"{page} has no examples"
    for example in found:
        done = run(example, region)
        report = f"{example}\n$ {example.command}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, report
        assert not example.expected or matches(example.expected, done.stdout), (
            f"{report}\n-- expected --\n{example.expected}"
        )


def test_every_file_that_a_page_names_exists():
    pages = [
        BASE_DIR / "README.md",
        BASE_DIR / "CHANGELOG.md",
        *BASE_DIR.glob("docs/*.md"),
        *BASE_DIR.glob("*/DESIGN.md"),
    ]
    named = re.compile(r"`((?:[a-z_]+/)+[A-Za-z_.]+\.(?:md|py|toml|yml))`|\]\((?!http)([^)#]+)\)")
    missing = [
        f"{page.relative_to(BASE_DIR)}: {target}"
        for page in pages
        for match in named.finditer(page.read_text())
        for target in [match[1] or match[2]]
        if not ((BASE_DIR / target).exists() or (page.parent / target).exists())
    ]
    assert not missing
