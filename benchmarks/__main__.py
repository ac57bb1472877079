"""Runs the benchmarks and prints one table: `python -m benchmarks [--only NAME] [--json] [--quick]`."""

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from dataclasses import asdict
from types import ModuleType

import benchmarks
from benchmarks.rig.harness import Figure, Harness, machine
from config.local.plan import BASE_DIR

# Debian's packages of the programs that the benchmarks run, by program.
PACKAGES = {
    "chromium": "chromium",
    "wrk": "wrk",
    "nginx": "nginx-light",
    "etcd": "etcd-server",
    "nsd": "nsd",
    "dnsperf": "dnsperf",
    "taskset": "util-linux",
}


def modules() -> list[ModuleType]:
    """Every benchmark of the package, by name."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    found = [importlib.import_module(f"benchmarks.{name}") for name in names]
    return sorted((module for module in found if hasattr(module, "NAME")), key=lambda module: str(module.NAME))


def install() -> None:
    """Install the packages that are missing, if this may do so; their servers are not started."""
    wanted = [f"{program}={package}" for program, package in PACKAGES.items()]
    done = subprocess.run(
        [BASE_DIR / "scripts" / "debian", *wanted], env={**os.environ, "RUNLEVEL": "1"}, stdout=sys.stderr, check=False
    )
    if done.returncode != 0:
        print("benchmarks that need what is missing will fail", file=sys.stderr)


def measured(module: ModuleType, harness: Harness) -> list[Figure] | str:
    """The benchmark's figures, or its error: the others run all the same."""
    try:
        figures: list[Figure] = module.run(harness)
        return figures
    except Exception as problem:  # noqa: BLE001 - the table shows it, and the exit code tells
        traceback.print_exc()
        return f"{type(problem).__name__}: {problem}"


def main() -> int:
    """Print the table; the exit code is 1 when a benchmark broke. A target that is missed is a figure, not an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="run this benchmark; may be given again")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="one short round of each: a look, not a measurement")
    options = parser.parse_args()
    chosen = [module for module in modules() if not options.only or module.NAME in options.only]
    if not chosen:
        parser.error(f"no such benchmark; there are {', '.join(str(module.NAME) for module in modules())}")
    install()
    harness = Harness(rounds=1, seconds=1.0) if options.quick else Harness()
    results = {}
    if not options.json:
        print(f"on {machine()}\n")
    for module in chosen:
        results[str(module.NAME)] = found = measured(module, harness)
        if not options.json:
            print(f"{module.NAME}: {module.TARGET}")
            print(
                "\n".join(f"  {figure}" for figure in found) if isinstance(found, list) else f"  broke: {found}",
                flush=True,
            )
    if options.json:
        figures = {name: [{**asdict(figure), "reached": figure.reached} for figure in found]
                   if isinstance(found, list) else {"broke": found} for name, found in results.items()}  # fmt: skip
        print(json.dumps({"machine": machine(), "benchmarks": figures}, indent=1))
    return int(any(isinstance(found, str) for found in results.values()))


if __name__ == "__main__":
    sys.exit(main())
