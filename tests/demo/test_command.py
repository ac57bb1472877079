"""`python -m demo`, as a person or a process manager runs it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from tests.harness.recording_registry import RecordingRegistry
from tests.harness.waiting import aeventually

Process = asyncio.subprocess.Process


@pytest.fixture
async def registry() -> AsyncIterator[RecordingRegistry]:
    async with RecordingRegistry() as running:
        yield running


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[Process]:
    process = await start(*arguments)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def printed(*arguments: str) -> tuple[int | None, str, str]:
    process = await start(*arguments)
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def until_line(process: Process, words: str) -> str:
    """Read what it prints up to the line with `words`."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := (await process.stdout.readline()).decode():
            if words in line:
                return line
    raise AssertionError(f"ended without saying {words!r}")


async def end(process: Process, number: signal.Signals) -> tuple[str, str]:
    process.send_signal(number)
    async with asyncio.timeout(10):
        out, err = await process.communicate()
    return out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_signal_ends_the_fleet_after_it_deregistered(
    registry: RecordingRegistry, number: signal.Signals
) -> None:
    async with command("--url", registry.url, "--services", "5", "--pace", "0") as process:
        await until_line(process, "are registered after")
        known = set(registry.registered)
        _, err = await end(process, number)
    assert (process.returncode, err) == (0, "")
    assert known
    assert set(registry.deregistrations) == known


async def test_with_vanish_a_signal_ends_the_fleet_without_a_word(registry: RecordingRegistry) -> None:
    async with command("--url", registry.url, "--services", "2", "--pace", "0", "--vanish") as process:
        await until_line(process, "are registered after")
        _, err = await end(process, signal.SIGTERM)
    assert (process.returncode, err) == (0, "")
    assert registry.deregistrations == []


async def test_a_lively_fleet_tells_its_story_and_ends_cleanly(registry: RecordingRegistry) -> None:
    async with command("--url", registry.url, "--services", "8", "--pace", "200") as process:
        for words in (
            "vanishes without deregistering",
            "fails its health check",
            "takes its leave",
            "rolls out",
            "comes back",
        ):
            await until_line(process, words)
        _, err = await end(process, signal.SIGTERM)
    assert (process.returncode, err) == (0, "")


async def test_a_fleet_goes_on_when_nobody_reads_what_it_prints(registry: RecordingRegistry) -> None:
    async with command("--url", registry.url, "--services", "3", "--pace", "100") as process:
        await until_line(process, "are registered after")
        assert process.stdout is not None
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        known = len(registry.registrations)
        await aeventually(lambda: len(registry.registrations) > known + 3, within=20)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await process.wait()
        assert process.returncode == 0


async def test_the_whole_fleet_fits_into_a_hundred_megabytes(registry: RecordingRegistry) -> None:
    async with command("--url", registry.url, "--pace", "0") as process:
        await until_line(process, "are registered after")
        assert len(registry.registered) > 250
        assert psutil.Process(process.pid).memory_info().rss < 100 * 2**20
        await end(process, signal.SIGTERM)


async def test_help_shows_examples() -> None:
    code, out, _ = await printed("--help")
    assert code == 0
    assert "python -m demo --url http://127.0.0.1:8500\n" in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--url"),
        (("--url", "127.0.0.1:8500"), "is not an http address"),
        (("--url", "http://x", "--services", "0"), "must be between 1 and 500"),
        (("--url", "http://x", "--services", "many"), "--services"),
        (("--url", "http://x", "--zones", "a,,b"), "zones are separated by commas"),
        (("--url", "http://x", "--share", "4/3"), "is not one of several fleets"),
        (("--url", "http://x", "--pace", "-1"), "must be between 0 and 1000"),
        (("--url", "http://x", "--pace", "nan"), "must be between 0 and 1000"),
    ],
)
async def test_a_senseless_command_line_is_refused_with_the_reason(arguments: tuple[str, ...], complaint: str) -> None:
    code, _, err = await printed(*arguments)
    assert code == 2
    assert complaint in err
