"""Jobs of the review: what the runner does with intakes."""

from collections.abc import Sequence
from threading import Event

from logo_detection.fetch.policy import AllowedHost
from studio.background.claims import claim_next
from studio.background.conclusion import conclude
from studio.images.importing import Equipment
from studio.review.models import Intake
from studio.review.taking_in import Taker


def run_next_intake(equipment: Equipment, hosts: Sequence[AllowedHost], stopping: Event) -> bool:
    """Do the oldest intake that waits. Returns whether there was one.

    Where the runner is told to end meanwhile, the intake waits for the next runner.
    """
    job = claim_next(Intake)
    if job is None:
        return False
    conclude(job, stopping, lambda heart: Taker(equipment, hosts, heart.check).run(job))
    return True
