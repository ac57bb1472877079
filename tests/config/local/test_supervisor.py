"""The supervisor keeps processes running and ends them in order, whatever they do."""

import asyncio
import json
import os
import sys
from pathlib import Path

import psutil
import pytest

from config.local.plan import Process
from config.local.supervisor import Supervisor, describe_exit

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
POLITE = (
    "import signal, time;"
    "signal.signal(signal.SIGTERM, lambda *_: exit(print('bye', flush=True)));"
    "print('hi', flush=True); time.sleep(60)"
)
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(child.pid, flush=True);"
)


def python(name: str, code: str, *, grace: float = 10.0) -> Process:
    return Process(name=name, command=(sys.executable, "-c", code), grace=grace)


class Heard:
    """What a supervisor has said, and a way to wait for more."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def say(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for speaker, line in self.lines if speaker == name]

    async def wait_for(self, name: str, count: int = 1) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.of(name)) < count:
                await asyncio.sleep(0.02)
        return self.of(name)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def supervisor(heard: Heard, tmp_path: Path) -> Supervisor:
    return Supervisor(say=heard.say, record=tmp_path / "processes.json", facts={"region": "us-east"})


async def test_lines_are_passed_on_under_the_name_of_their_process(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("talker", "import sys, time; print('out'); print('err', file=sys.stderr); time.sleep(60)"))
    await heard.wait_for("talker", 1)
    await supervisor.stop()
    assert set(heard.of("talker")) <= {"out", "err"}


async def test_a_line_without_end_does_not_stop_the_next_ones(supervisor: Supervisor, heard: Heard) -> None:
    await supervisor.run_once(python("talker", "print('x' * 1_000_000); print('after')"))
    assert heard.of("talker")[-1] == "after"
    assert len(heard.of("talker")) < 20


async def test_a_process_that_dies_is_started_again(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("mortal", "import os; print(os.getpid())"))
    pids = await heard.wait_for("mortal", 2)
    await supervisor.stop()
    assert pids[0] != pids[1]
    assert heard.of("meridian")[0] == "mortal ended unexpectedly (exit code 0); again in 0.5 s"


async def test_each_further_death_waits_longer(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("mortal", "raise SystemExit(3)"))
    said = await heard.wait_for("meridian", 3)
    await supervisor.stop()
    assert [line.rpartition("again in ")[2] for line in said[:3]] == ["0.5 s", "1 s", "2 s"]


async def test_a_process_that_has_run_for_long_comes_back_at_once(
    supervisor: Supervisor, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.local.supervisor.SETTLED", 0.0)
    supervisor.start(python("mortal", "raise SystemExit(3)"))
    said = await heard.wait_for("meridian", 2)
    await supervisor.stop()
    assert said[:2] == ["mortal ended unexpectedly (exit code 3); again at once"] * 2


async def test_processes_end_in_the_reverse_order_of_their_start(supervisor: Supervisor, heard: Heard) -> None:
    for name in ("first", "second", "third"):
        supervisor.start(python(name, POLITE))
        await heard.wait_for(name)
    await supervisor.stop()
    assert [name for name, line in heard.lines if line == "bye"] == ["third", "second", "first"]


async def test_a_process_that_does_not_end_in_its_grace_is_killed(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("stubborn", DEAF, grace=0.3))
    await heard.wait_for("stubborn")
    async with asyncio.timeout(5):
        await supervisor.stop()
    assert heard.of("meridian") == ["stubborn did not end within 0.3 s and is killed"]


async def test_what_a_process_has_started_ends_with_it(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("parent", PARENT + "time.sleep(60)"))
    grandchild = int((await heard.wait_for("parent"))[0])
    assert psutil.pid_exists(grandchild)
    await supervisor.stop()
    assert not lives(grandchild)


async def test_what_a_dead_process_has_started_does_not_outlive_it(supervisor: Supervisor, heard: Heard) -> None:
    # The grandchild holds the pipe open, as a server's worker does; only the death of the process itself may count.
    supervisor.start(python("parent", PARENT + "sys.stdout.flush(); import os; os._exit(1)"))
    grandchild = int((await heard.wait_for("parent"))[0])
    await heard.wait_for("parent", 2)
    assert not lives(grandchild)
    await supervisor.stop()


async def test_stopping_while_a_process_waits_for_its_restart_is_quick(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("mortal", "pass"))
    await heard.wait_for("meridian", 3)
    async with asyncio.timeout(1):
        await supervisor.stop()


async def test_the_record_names_what_runs(supervisor: Supervisor, heard: Heard) -> None:
    supervisor.start(python("talker", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    pid = int((await heard.wait_for("talker"))[0])
    record = json.loads(supervisor.record.read_text())
    assert record == {"region": "us-east", "supervisor": os.getpid(), "processes": {"talker": pid}}
    await supervisor.stop()
    assert not supervisor.record.exists()


async def test_a_process_is_restarted_although_the_record_cannot_be_written(tmp_path: Path, heard: Heard) -> None:
    supervisor = Supervisor(say=heard.say, record=tmp_path / "missing" / "processes.json", facts={})
    supervisor.start(python("mortal", "import os; print(os.getpid())"))
    pids = await heard.wait_for("mortal", 2)
    await supervisor.stop()
    assert pids[0] != pids[1]


async def test_a_record_that_could_not_be_written_is_reported_once_and_written_later(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.local.supervisor.RECORD_RETRY", 0.05)
    supervisor = Supervisor(say=heard.say, record=tmp_path / "missing" / "processes.json", facts={"region": "us-east"})
    supervisor.start(python("talker", "import time; print('up', flush=True); time.sleep(60)"))
    await heard.wait_for("talker")
    supervisor.record.parent.mkdir()
    async with asyncio.timeout(20):
        while not supervisor.record.exists():
            await asyncio.sleep(0.02)
    await supervisor.stop()
    assert len(heard.of("meridian")) == 1
    assert "processes.json cannot be written" in heard.of("meridian")[0]


async def test_a_process_that_cannot_be_started_is_tried_again(
    tmp_path: Path, supervisor: Supervisor, heard: Heard
) -> None:
    program = tmp_path / "late"
    supervisor.start(Process(name="late", command=(str(program),)))
    await heard.wait_for("meridian")
    program.write_text("#!/bin/sh\necho here\n")
    program.chmod(0o700)
    assert (await heard.wait_for("late"))[0] == "here"
    await supervisor.stop()


async def test_a_run_to_the_end_gives_the_exit_code(supervisor: Supervisor) -> None:
    assert await supervisor.run_once(python("once", "raise SystemExit(7)")) == 7


def test_exits_are_described_by_signal_or_code() -> None:
    assert describe_exit(-9) == "SIGKILL"
    assert describe_exit(2) == "exit code 2"


def lives(pid: int) -> bool:
    """True unless the process is gone or has only its exit code left."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
