"""Two or three whole regions as real processes, peered over links of the tests' own."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.harness.calls import call, manage
from tests.harness.region import READY_WITHIN, Region
from tests.harness.waiting import eventually


@contextmanager
def running(*regions: Region, within: float = READY_WITHIN) -> Iterator[None]:
    """Start regions at once, and end them with the block, which begins when all are ready."""
    with ExitStack() as stack:
        for region in regions:
            stack.enter_context(region)
            region.start(wait=False)
        for region in regions:
            region.wait_ready(within=within)
        yield


def join(inviting: Region, accepting: Region, *, inviting_url: str | None = None, accepting_url: str | None = None):
    """Make two regions peers; the URLs are those under which each is reached by the other."""
    token = manage(inviting, "peer", "invite", accepting.name, "--url", inviting_url or inviting.url).splitlines()[-1]
    manage(accepting, "peer", "accept", token, "--url", accepting_url or accepting.url)


def logs(region: Region) -> dict[str, Any]:
    """The regions whose logs are kept in a region, by name."""
    status, answer = call(region, "GET", "/api/v1/regions")
    assert status == 200, answer
    return {row["name"]: row for row in answer}


def agree(*regions: Region, on: str) -> bool:
    """Whether all of them hold the same of one region."""
    held = [logs(region).get(on) for region in regions]
    states = {(row["log_id"], row["index"], row["digest"]) if row else None for row in held}
    return len(states) == 1 and None not in states


def converged(*regions: Region) -> bool:
    """Whether all of them hold the same of each."""
    return all(agree(*regions, on=region.name) for region in regions)


def await_converged(*regions: Region, within: float = 10.0) -> None:
    """Wait until all of them hold the same of each."""
    eventually(lambda: converged(*regions), within=within, what="all regions hold the same of each")


def matrix(region: Region) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells of the matrix as a region shows them, by who holds and of whom."""
    cells = json.loads(manage(region, "peer", "status", "--json"))["cells"]
    return {(cell["by"], cell["of"]): cell for cell in cells}
