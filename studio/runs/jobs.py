"""Jobs: the runner's way with a run.

claim -> folder and recipe -> logo-train, watched -> done, failed, cancelled, or given back
"""

from functools import partial
from threading import Event

from studio.background.attempts import attempt, run_command
from studio.background.claims import STALE_S, claim_next
from studio.background.heart import Heart
from studio.images.store import FileStore
from studio.images.versions import folder_of
from studio.runs.models import Run
from studio.runs.process import RECIPE, training_command
from studio.settings import Settings


def run_next_training(settings: Settings, stopping: Event, stale_s: float = STALE_S) -> bool:
    """Train the oldest run that waits, or whose runner is gone. Returns whether there was one.

    Where the runner is told to end meanwhile, the run goes on with the next runner.
    """
    run = claim_next(Run, stale_s)
    if run is None:
        return False
    attempt(run, stopping, partial(_train, run, settings))
    return True


def _train(run: Run, settings: Settings, heart: Heart) -> None:
    folder = run.folder(settings.data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(run.text)
    data = folder_of(run.version, FileStore(settings.data.absolute()))
    command = training_command(data, folder, settings.workers)
    run_command(command, run.mark, heart, settings.run_stop_timeout_s)
