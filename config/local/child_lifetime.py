"""Processes that end with the one that started them, even when that one is killed without warning."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends. Does nothing where the kernel is not Linux.

    The request survives `exec` but not `fork`: every generation asks for itself. It is bound to the parent's *thread*,
    so a parent must start its children from a thread that lives as long as it does. Raises OSError when the kernel
    refuses.
    """
    if LIBC is None:
        return
    if LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def die_with(parent: int) -> None:
    """As `die_with_parent`, and exit at once when `parent` had already ended."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
