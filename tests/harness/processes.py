"""Starting real processes that end with this one, however it ends."""

import os
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from config.local.child_lifetime import die_with


def plain_environment() -> dict[str, str]:
    """This process's variables without those of a region: a process started with them takes nothing from the tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MERIDIAN_", "DJANGO_"))}


def spawn(command: Sequence[str | Path], **options: Any) -> "subprocess.Popen[Any]":
    """Start a process; `options` are those of `Popen`."""
    return subprocess.Popen(command, preexec_fn=partial(die_with, os.getpid()), **options)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a process id that another process has taken does not count."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
