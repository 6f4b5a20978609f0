"""Jobs: the runner's way with a run.

claim -> folder and recipe -> logo-train, watched -> done, failed, cancelled, or given back
"""

import logging
from threading import Event
from time import sleep

from django.db.models import F

from logo_detection.errors import LogoDetectionError
from studio.background.claims import STALE_S, Cancelled, Lost, claim_next, finish, give_back
from studio.background.heart import Heart, Stopping
from studio.background.models import State
from studio.images.store import FileStore
from studio.images.versions import folder_of
from studio.runs.models import Run
from studio.runs.process import LOG as LOG_NAME
from studio.runs.process import RECIPE, TrainingProcess
from studio.runs.training_log import last_line
from studio.settings import Settings

LOG = logging.getLogger(__name__)

POLL_S = 0.5
MAX_ATTEMPTS = 5
"""How often a run goes on whose runner was lost: it may be the run that takes all memory."""


class TrainingFailed(LogoDetectionError):
    """`logo-train` ended otherwise than well. One line, its last."""


def run_next_training(settings: Settings, stopping: Event, stale_s: float = STALE_S) -> bool:
    """Train the oldest run that waits, or whose runner is gone. Returns whether there was one.

    Where the runner is told to end meanwhile, the run goes on with the next runner.
    """
    run = claim_next(Run, stale_s)
    if run is None:
        return False
    try:
        with Heart(run, stopping) as heart:
            _train(run, settings, heart)
    except Stopping:
        Run.objects.filter(pk=run.pk, claim=run.claim).update(attempts=F("attempts") - 1)
        give_back(run)
    except Lost as error:
        LOG.warning("%s", error)
    except Cancelled:
        finish(run, State.CANCELLED)
    except LogoDetectionError as error:
        finish(run, State.FAILED, str(error))
    except Exception:
        LOG.exception("run %d failed", run.pk)
        finish(run, State.FAILED, "something went wrong here: the log of the studio knows what")
    else:
        finish(run, State.DONE)
    return True


def _train(run: Run, settings: Settings, heart: Heart) -> None:
    if run.attempts >= MAX_ATTEMPTS:
        raise TrainingFailed(f"its runner was lost {run.attempts} times; it can be resumed")
    Run.objects.filter(pk=run.pk).update(attempts=F("attempts") + 1)
    folder = run.folder(settings.data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(run.text)
    data = folder_of(run.version, FileStore(settings.data.absolute()))
    with TrainingProcess(data, folder, run.mark, settings.workers, settings.run_stop_timeout_s) as process:
        while (status := process.status()) is None:
            heart.check()
            sleep(POLL_S)
    if status:
        said = last_line(folder / LOG_NAME) if status > 0 else ""
        raise TrainingFailed(said or f"logo-train ended with status {status}")
