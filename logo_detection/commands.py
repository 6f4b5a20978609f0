"""Commands: how a command line ends, whatever its work is."""

import sys
from collections.abc import Callable
from signal import SIGINT

from logo_detection.errors import LogoDetectionError

UNUSABLE = 2
"""The exit status where the work cannot be done as things stand; argparse has the same for a wrong option."""

INTERRUPTED = 128 + SIGINT
"""The exit status of an interrupted command, as shells have it."""


def run_command(name: str, work: Callable[[], int | None]) -> int:
    """Do the work. Returns the exit status: the work's own, 0 where it has none, UNUSABLE or INTERRUPTED.

    A LogoDetectionError becomes one line on stderr, led by the command's name.
    """
    try:
        return work() or 0
    except LogoDetectionError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
