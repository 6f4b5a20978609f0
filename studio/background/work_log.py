"""The log of a command: what it says, as it says it."""

import os
from pathlib import Path

TAIL_BYTES = 16 * 2**10


def read_tail(path: Path, max_bytes: int = TAIL_BYTES) -> str:
    """The end of a log, empty where there is none; of a line that was written over, what it was last."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - max_bytes))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(line.rpartition("\r")[2] for line in text.splitlines())


def last_line(path: Path) -> str:
    """The last line that says something."""
    lines = [line for line in read_tail(path).splitlines() if line.strip()]
    return lines[-1] if lines else ""
