"""README and docs say only what is true: their examples are run, in order, against a real region."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.local.plan import BASE_DIR
from tests.harness.examples import Example, examples, matches
from tests.harness.region import Region

PAGES = ["README.md", "docs/api.md", "docs/operating.md", "docs/dashboard.md"]
TIME_FOR_ONE = 30
FOLLOWED_WITHIN = 5.0  # seconds


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


def answered(example: Example, region: Region) -> subprocess.CompletedProcess[str]:
    """The same, but a name is looked up again for a while: the name server is a moment behind what was just written."""
    done = run(example, region)
    deadline = time.monotonic() + FOLLOWED_WITHIN
    while example.command.startswith("dig ") and time.monotonic() < deadline:
        if done.returncode == 0 and matches(example.expected, done.stdout):
            break
        done = run(example, region)
    return done


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """One region for all pages: each speaks of services of its own."""
    with Region(tmp_path_factory.mktemp("docs") / "data") as running:
        running.start()
        yield running


@pytest.fixture
def region(request: pytest.FixtureRequest, shared: Region, tmp_path: Path) -> Iterator[Region]:
    """The shared one, and a new one for a second try: in the other the page's services are registered already."""
    if getattr(request.node, "execution_count", 1) == 1:
        yield shared
        return
    with Region(tmp_path / "data") as running:
        running.start()
        yield running


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_page_does_what_the_page_says(page: str, region: Region):
    found = examples(BASE_DIR / page)
    assert found, f"{page} has no examples"
    for example in found:
        done = answered(example, region)
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
