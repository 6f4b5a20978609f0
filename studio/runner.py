"""The runner: does what takes long, one import after another, and trainings beside them.

It may be killed at any moment: whoever runs next goes on with what it had claimed.
"""

import logging
import os
import signal
import sys
import threading
from types import FrameType

import django

LOG = logging.getLogger(__name__)

IDLE_S = 0.5  # between two looks for work, where there is none


def main() -> int:
    """Work until told to end. Returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.django_settings")
    django.setup()
    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    run_imports(stopping)
    return 0


def run_imports(stopping: threading.Event) -> None:
    """Import until the event is set."""
    from django.db import DatabaseError, close_old_connections

    from studio.django_settings import STUDIO
    from studio.images.jobs import equipment_of, run_next_import

    equipment = equipment_of(STUDIO)

    while not stopping.is_set():
        try:
            worked = run_next_import(equipment, stopping)
        except DatabaseError:
            LOG.exception("the database cannot be used")
            worked = False
        close_old_connections()
        if not worked:
            stopping.wait(IDLE_S)


if __name__ == "__main__":
    sys.exit(main())
