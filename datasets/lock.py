"""A lock: a file that one process at a time has, on this machine."""

import fcntl
import time
from pathlib import Path
from typing import BinaryIO

POLL_S = 0.1


def lock(path: Path, timeout_s: float = 0.0) -> BinaryIO:
    """Open a file, made where there is none, and lock it.

    The lock is held until every process that has inherited the open file has closed it, or has ended.

    Args:
        path: Of the file; what is in it is lost.
        timeout_s: How long to wait for another process, seconds.

    Raises:
        BlockingIOError: Another process has it.
        OSError: The file cannot be written.
    """
    file = path.open("wb")
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.close()
                raise
            time.sleep(POLL_S)
        else:
            return file
