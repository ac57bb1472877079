"""Load: wrk on its own core, and what it measured."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
ANSWERS = re.compile(r"^\s+(\d+) requests in", re.MULTILINE)
LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)", re.MULTILINE)
BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
SOCKET_ERRORS = re.compile(r"Socket errors: (.*)")
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Load:
    """Requests a second, latencies in seconds, how many answers were not 2xx or 3xx, and how many there were in all."""

    rate: float
    p50: float
    p99: float
    bad: int
    answers: int = 0


def wrk(
    url: str,
    *,
    core: int | None,
    connections: int = 32,
    seconds: float = 3.0,
    script: str = "",
    headers: Sequence[str] = (),
) -> Load:
    """Run wrk with one thread against the URL; `script` is Lua. Raises RuntimeError when sockets failed."""
    with tempfile.TemporaryDirectory(prefix="meridian-bench-wrk-") as directory:
        command = ["taskset", "-c", str(core)] if core is not None else []
        command += ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "10s"]
        for header in headers:
            command += ["-H", header]
        if script:
            file = Path(directory) / "script.lua"
            file.write_text(script)
            command += ["-s", str(file)]
        output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    return parsed(output)


def parsed(output: str) -> Load:
    """What wrk printed, as numbers."""
    trouble = SOCKET_ERRORS.search(output)
    if trouble:
        raise RuntimeError(f"wrk met socket errors: {trouble[1]}")
    rate = RATE.search(output)
    if rate is None:
        raise RuntimeError(f"wrk printed no rate:\n{output}")
    latencies = {part: float(number) * SECONDS[unit] for part, number, unit in LATENCY.findall(output)}
    bad, answers = BAD.search(output), ANSWERS.search(output)
    return Load(
        float(rate[1]),
        latencies.get("50", 0.0),
        latencies.get("99", 0.0),
        int(bad[1]) if bad else 0,
        int(answers[1]) if answers else 0,
    )
