"""The garbage collector of a server process: told what is there to stay, and to come by less often."""

import gc

# Objects that may be made before the youngest are looked through. Python's 700 are used up by a few requests that are
# still being answered, and whatever survives is looked at again: that took a twelfth of a busy server's time.
YOUNG = 20_000


def settle() -> None:
    """Never look again at what has been made so far: code, settings and tables."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
