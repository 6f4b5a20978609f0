"""malloc: how soon memory that the server is done with goes back to the system.

Bodies and files come in megabytes, a few at a time, and the server lives long. glibc raises its own
thresholds with the largest block that it was ever given back, and then keeps such blocks in its heap, from
where they cannot be returned as long as anything small lies above them: 40 MiB more, and after each burst
another number.
"""

import ctypes
from contextlib import suppress

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

MMAP_THRESHOLD_BYTES = 256 * 2**10
TRIM_THRESHOLD_BYTES = 2**20
ARENAS = 2  # the event loop's, and one for all other threads


def return_freed_memory() -> None:
    """Have blocks from MMAP_THRESHOLD_BYTES on returned when they are freed; before there are threads.

    Does nothing where the C library is not glibc.
    """
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
        mallopt(_M_ARENA_MAX, ARENAS)
