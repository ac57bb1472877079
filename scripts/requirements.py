"""Prints the requirements that pyproject.toml states, with those of the extras named as arguments, one a line."""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def main() -> None:
    """Written for pip's `--requirement`."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in sys.argv[1:]:
        wanted += project["optional-dependencies"][extra]
    sys.stdout.write("\n".join(dict.fromkeys(wanted)) + "\n")


if __name__ == "__main__":
    main()
