"""Sums up several runs of pytest from their JUnit files and exits with 1 unless everything passed.

Usage: tally.py FURTHER_FAILURES FILE…
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main() -> None:
    """The last line printed is the sum, alone."""
    passed, failed = 0, int(sys.argv[1])
    for name in sys.argv[2:]:
        suite = ElementTree.fromstring(Path(name).read_text())  # noqa: S314 - pytest's own file
        for run in suite.iter("testsuite"):
            bad = int(run.get("errors", 0)) + int(run.get("failures", 0))
            passed += int(run.get("tests", 0)) - bad - int(run.get("skipped", 0))
            failed += bad
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
