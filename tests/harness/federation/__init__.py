"""What the tests of a federation stand on: links that can fail, whole regions, and a witness that judges."""

from pathlib import Path

CLOCK_AHEAD = Path(__file__).parent / "ahead"  # on PYTHONPATH it puts a process's clock ahead
