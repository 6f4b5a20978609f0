"""Jobs of the review: what the runner does with intakes."""

import logging
from collections.abc import Sequence
from threading import Event

from logo_detection.errors import LogoDetectionError
from logo_detection.fetch.policy import AllowedHost
from studio.background.claims import Cancelled, Lost, claim_next, finish, give_back
from studio.background.heart import Heart, Stopping
from studio.background.models import State
from studio.images.importing import Equipment
from studio.review.models import Intake
from studio.review.taking_in import Taker

LOG = logging.getLogger(__name__)


def run_next_intake(equipment: Equipment, hosts: Sequence[AllowedHost], stopping: Event) -> bool:
    """Do the oldest intake that waits. Returns whether there was one.

    Where the runner is told to end meanwhile, the intake waits for the next runner.
    """
    job = claim_next(Intake)
    if job is None:
        return False
    try:
        with Heart(job, stopping) as heart:
            message = Taker(equipment, hosts, heart.check).run(job)
    except Stopping:
        give_back(job)
    except Lost as error:
        LOG.warning("%s", error)
    except Cancelled:
        finish(job, State.CANCELLED)
    except LogoDetectionError as error:
        finish(job, State.FAILED, str(error))
    except Exception:
        LOG.exception("intake %d failed", job.pk)
        finish(job, State.FAILED, "something went wrong here: the log knows what")
    else:
        finish(job, State.DONE, message)
    return True
