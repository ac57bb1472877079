"""What a region that runs on this machine says of itself, for commands given beside it."""

import json
from collections.abc import Mapping
from pathlib import Path

RECORD = "processes.json"  # written by `manage.py up` into its data directory
SAID = {"region": "MERIDIAN_REGION", "valkey": "MERIDIAN_VALKEY_URL"}


def with_running(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, and for those not set what the region running over the same data directory uses.

    So `manage.py token create` reaches the region that `manage.py up` runs, without being told its Valkey's port.
    """
    record = Path(variables.get("MERIDIAN_DATA") or ".meridian").expanduser() / RECORD
    try:
        said = json.loads(record.read_text())
    except (OSError, ValueError):
        return dict(variables)  # nothing runs there
    return {variable: said[name] for name, variable in SAID.items() if name in said} | {
        name: value for name, value in variables.items() if value
    }
