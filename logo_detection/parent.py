"""The parent: a process can be made to end with the one that started it, however that one ends."""

import ctypes
import signal
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it has ended; see prctl(2)."""
    dying_with_parent()()


def dying_with_parent() -> Callable[[], object]:
    """`die_with_parent` as a `preexec_fn`, which loads nothing between fork and exec."""
    return partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, signal.SIGKILL)
