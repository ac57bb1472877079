"""Whatever is cut, killed or turned back: nothing is lost, nothing returns, and all agree soon after the heal."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.harness.calls import call, manage
from tests.harness.federation import CLOCK_AHEAD
from tests.harness.federation.trial import DATABASE, Trial
from tests.harness.region import Region
from tests.harness.waiting import eventually

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


def federation(region: Region) -> dict[str, Any]:
    """The matrix as a region's server shows it. A new process would see a busy machine before it sees the region."""
    status, found = call(region, "GET", "/api/v1/federation")
    assert status == 200, found
    return dict(found)


def through(trial: Trial, by: str, of: str) -> list[str]:
    """The regions through which `by` hears `of`; empty when it hears it directly."""
    cells = federation(trial[by])["cells"]
    return next(list(cell["through"]) for cell in cells if (cell["by"], cell["of"]) == (by, of))


def resets(trial: Trial, by: str, of: str) -> int:
    """How often `by` has made its mirror of a region anew."""
    peers = federation(trial[by])["peers"]
    return next(int(peer["resets"]) for peer in peers if peer["region"] == of)


def again(region: Region, name: str, was: int) -> None:
    """Wait until a process that was killed runs and can be asked."""
    region.wait_restarted(name, was=was)
    region.wait_ready()


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


def test_bytes_lost_in_one_direction(trial: Trial) -> None:
    with trial.broken("nothing comes from eu-west to us-east"):
        trial.links["us-east", "eu-west"].cut_one_way("in")
        trial.links["eu-west", "us-east"].cut_one_way("out")
        trial.live(6)
        trial.heal()
    trial.settle()
    assert trial.verdict() == []


def test_links_that_hang_half_open(trial: Trial) -> None:
    with trial.broken("ap-south hangs"):
        for pair, link in trial.links.items():
            if "ap-south" in pair:
                link.hang()
        trial.live(6)
        trial.heal()
    trial.settle()
    assert trial.verdict() == []


def test_the_log_compacted_during_a_cut(trial: Trial) -> None:
    before = resets(trial, "us-east", "eu-west")
    with trial.broken("eu-west is cut off and forgets", down=("eu-west",)):
        trial.isolate("eu-west")
        trial.live(3)
        # A server has its latest changes in memory and serves them whatever becomes of the table.
        again(trial["eu-west"], "server", trial["eu-west"].kill("server"))
        eventually(trial["eu-west"].is_ready, within=40, what="the server is ready")
        manage(trial["eu-west"], "compact_log", "--keep", "1s")
        trial.heal()
    trial.settle()
    assert trial.verdict() == []
    eventually(lambda: resets(trial, "us-east", "eu-west") > before, within=20, what="the mirror was made anew")


TWICE = """
from registry.log.mirror import Mirror
from registry.models import ChangeRow, Region
region = Region.objects.get(name="us-east")
changes = [row.change for row in ChangeRow.objects.filter(region="us-east").order_by("-index")[:200]][::-1]
position = Mirror("us-east").append(region.log_id, changes)
print(len(changes), position.index - region.index)
"""


def test_the_same_batch_twice(trial: Trial) -> None:
    with trial.broken("eu-west is given changes again"):
        trial.live(2)
        count, further = manage(trial["eu-west"], "shell", "-v0", "-c", TWICE).split()[-2:]
    assert int(count) > 10
    assert int(further) >= 0
    trial.settle()
    assert trial.verdict() == []


def test_a_worker_killed(trial: Trial) -> None:
    with trial.broken("us-east has no worker"):
        begun = trial["us-east"].log().count("the worker is ready")
        trial["us-east"].wait_restarted("worker", was=trial["us-east"].kill("worker"))
        eventually(
            lambda: trial["us-east"].log().count("the worker is ready") > begun, within=40, what="the worker is ready"
        )
    trial.settle()
    assert trial.verdict() == []


def test_a_server_killed(trial: Trial) -> None:
    with trial.broken("eu-west has no server", down=("eu-west",)):
        again(trial["eu-west"], "server", trial["eu-west"].kill("server"))
        eventually(trial["eu-west"].is_ready, within=40, what="the server is ready")
    trial.settle()
    assert trial.verdict() == []


def test_a_valkey_killed(trial: Trial) -> None:
    with trial.broken("ap-south has no Valkey"):
        again(trial["ap-south"], "valkey", trial["ap-south"].kill("valkey"))
        eventually(trial["ap-south"].is_ready, within=40, what="the region is ready")
    trial.settle()
    assert trial.verdict() == []


def test_a_database_that_lets_nobody_write(trial: Trial) -> None:
    file = trial["us-east"].data / DATABASE
    with (
        trial.broken("the database of us-east is locked"),
        closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database,
    ):
        database.execute("BEGIN IMMEDIATE")
        trial.live(5)
        database.execute("ROLLBACK")
    trial.settle()
    assert trial.verdict() == []


def test_a_region_killed(trial: Trial) -> None:
    with trial.broken("eu-west is dead", down=("eu-west",)):
        trial.kill("eu-west")
        trial.live(3)
        trial.start("eu-west")
    trial.settle()
    assert trial.verdict() == []


def test_a_region_restored_from_an_old_backup(trial: Trial) -> None:
    copy, as_of = trial.backup("ap-south")
    with trial.broken("ap-south goes back", down=("ap-south",)):
        trial.live(2)
        trial.kill("ap-south")
        trial.restore("ap-south", copy, as_of)
        manage(trial["ap-south"], "verify_log", "--new-log-id")
        trial.start("ap-south")
    trial.settle()
    assert trial.verdict() == []


def test_a_clock_an_hour_ahead(trial: Trial) -> None:
    ahead = {"PYTHONPATH": str(CLOCK_AHEAD), "CLOCK_AHEAD": "3600"}
    with trial.broken("the clock of us-east is wrong", down=("us-east",)):
        trial.kill("us-east")
        trial["us-east"].variables.update(ahead)
        trial.start("us-east")
    trial.settle()
    with trial.broken("the clock of us-east is still wrong"):
        trial.live(4)
    trial.settle()
    assert trial.verdict() == []
