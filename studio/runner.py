"""The runner: does what takes long. Imports, intakes and evaluations each wait their turn.

Trainings run beside them.
It may be killed at any moment: whoever runs next goes on with what it had claimed.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

import django

LOG = logging.getLogger(__name__)

IDLE_S = 0.5  # between two looks for work, where there is none


def main() -> int:
    """Work until told to end. Returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.django_settings")
    django.setup()
    from studio.django_settings import STUDIO
    from studio.images.jobs import equipment_of, run_next_import
    from studio.results.jobs import run_next_evaluation
    from studio.review.jobs import run_next_intake
    from studio.runs.jobs import run_next_training

    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    imports = partial(run_next_import, equipment_of(STUDIO), stopping)
    intakes = partial(run_next_intake, equipment_of(STUDIO), STUDIO.allowed_hosts, stopping)
    trainings = partial(run_next_training, STUDIO, stopping)
    evaluations = partial(run_next_evaluation, STUDIO, stopping)
    # A training ends with the thread that has started it, which therefore lives as long as this process.
    threads = [
        threading.Thread(target=work_until, args=(stopping, work), name=name)
        for name, work in [
            ("imports", imports),
            ("intakes", intakes),
            ("evaluations", evaluations),
            *[("trainings", trainings)] * STUDIO.runs_at_a_time,
        ]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def work_until(stopping: threading.Event, work_once: Callable[[], bool]) -> None:
    """Do one piece of work after another until the event is set."""
    from django.db import DatabaseError, close_old_connections, connections

    while not stopping.is_set():
        try:
            worked = work_once()
        except DatabaseError:
            LOG.exception("the database cannot be used")
            worked = False
        close_old_connections()
        if not worked:
            stopping.wait(IDLE_S)
    connections.close_all()


if __name__ == "__main__":
    sys.exit(main())
