"""Which region a command is about, and what the one that runs there says of itself."""

import json
from collections.abc import Mapping
from pathlib import Path

RECORD = "processes.json"  # written by `manage.py up` into its data directory
TABLES = "meridian.sqlite3"
FACTS = {"region": "MERIDIAN_REGION", "valkey": "MERIDIAN_VALKEY_URL"}


class NoRegion(Exception):
    """There is no region, or more than one; the message is one sentence for the operator."""


def with_running(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, and for those not set what the region running over the same data directory uses.

    So `token create` reaches the region that `up` runs, without being given its Valkey's port.
    """
    try:
        facts = json.loads((data_directory(variables) / RECORD).read_text())
    except (OSError, ValueError):
        return dict(variables)  # nothing runs there
    return {variable: facts[name] for name, variable in FACTS.items() if name in facts} | {
        name: value for name, value in variables.items() if value
    }


def choose_region(variables: Mapping[str, str], *, may_make: bool = False) -> Path:
    """The data directory of the region that a command is about. Raises NoRegion.

    MERIDIAN_DATA names it, or a directory in which regions lie side by side, as those of `make run` do; then
    MERIDIAN_REGION chooses among them. A database elsewhere is not looked for here. With `may_make` the command makes
    a region where there is none.
    """
    data = data_directory(variables)
    if variables.get("MERIDIAN_DATABASE_URL") or (data / TABLES).exists():
        return data
    found = sorted(path.parent for pattern in ("*", "*/*") for path in data.glob(f"{pattern}/{TABLES}"))
    wanted = variables.get("MERIDIAN_REGION")
    chosen = [region for region in found if region.name == wanted] if wanted else found
    if len(chosen) == 1:
        return chosen[0]
    if found:
        names = ", ".join(region.name for region in found)
        raise NoRegion(f"{data} holds the regions {names}: set MERIDIAN_REGION to one of them, or MERIDIAN_DATA.")
    if may_make:
        return data
    raise NoRegion(f"there is no region in {data}: start one with `./meridian up`, or set MERIDIAN_DATA.")


def data_directory(variables: Mapping[str, str]) -> Path:
    """Where MERIDIAN_DATA says, by default `.meridian` below the current directory."""
    return Path(variables.get("MERIDIAN_DATA") or ".meridian").expanduser().absolute()
