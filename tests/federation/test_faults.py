"""Whatever is cut, killed or turned back: nothing is lost, nothing returns, and all agree soon after the heal."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.federation.regions import manage
from tests.federation.trial import Trial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420), pytest.mark.xdist_group("regions")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Three regions with clients at work, for all faults, one after the other."""
    with Trial(tmp_path_factory.mktemp("faults")) as trial:
        yield trial


@pytest.fixture
def trial(whole: Trial) -> Iterator[Trial]:
    """Every link mended before and after."""
    whole.heal()
    yield whole
    whole.heal()


def through(trial: Trial, by: str, of: str) -> list[str]:
    """The regions through which `by` hears `of`; empty when it hears it directly."""
    cells = json.loads(manage(trial[by], "peer", "status", "--json"))["cells"]
    return next(list(cell["through"]) for cell in cells if (cell["by"], cell["of"]) == (by, of))


def test_a_region_cut_off_and_healed(trial: Trial, record_property: Callable[[str, object], None]) -> None:
    with trial.broken("eu-west is cut off"):
        trial.isolate("eu-west")
        trial.live(6)
        trial.heal()
    record_property("seconds", trial.settle())
    assert trial.verdict() == []


def test_a_cut_link_is_gone_round(trial: Trial) -> None:
    with trial.broken("us-east and eu-west are cut"):
        trial.cut("us-east", "eu-west")
        trial.live(4)
        trial.clients.pause_writes()
        trial.await_equal(within=8)
        assert through(trial, "us-east", "eu-west") == ["ap-south"]
        assert through(trial, "eu-west", "us-east") == ["ap-south"]
        trial.heal()
    trial.settle()
    assert trial.verdict() == []
