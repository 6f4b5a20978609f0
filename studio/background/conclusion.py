"""Conclusion: claimed work is done, and what came of it is written down."""

import logging
from collections.abc import Callable
from functools import partial
from threading import Event

from logo_detection.errors import LogoDetectionError
from studio.background.claims import Cancelled, Lost, finish, give_back
from studio.background.heart import Heart, Stopping
from studio.background.models import State, Work
from studio.disk_full import DISK_FULL, is_disk_full

LOG = logging.getLogger(__name__)


def conclude(
    work: Work,
    stopping: Event,
    do: Callable[[Heart], str],
    end: Callable[[State, str], object] | None = None,
) -> None:
    """Do claimed work, and write down what came of it.

    Where the runner is told to end meanwhile, the work waits for the next runner.

    Args:
        work: Claimed already.
        stopping: Is set when the runner is told to end.
        do: Does it, asks the heart now and then whether to go on, and returns what is to be told of it.
        end: Writes down how it has ended; `finish` unless more is to be done then.
    """
    end = end or partial(finish, work)
    try:
        with Heart(work, stopping) as heart:
            message = do(heart)
    except Stopping:
        give_back(work)
    except Lost as error:
        LOG.warning("%s", error)
    except Cancelled:
        end(State.CANCELLED, "")
    except LogoDetectionError as error:
        end(State.FAILED, str(error))
    except Exception as error:
        LOG.exception("%s %d failed", type(work).__name__.lower(), work.pk)
        unknown = "something went wrong here: the log of the studio knows what"
        end(State.FAILED, DISK_FULL if is_disk_full(error) else unknown)
    else:
        end(State.DONE, message)
