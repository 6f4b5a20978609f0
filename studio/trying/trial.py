"""A trial: one file is looked at by the model in the fenced pool, which ends with it.

A pool for each trial takes a second longer than one that stays, and needs no memory between trials. One trial
is done at a time, whichever process of the web server it came to, as a model and its processes are large.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logo_detection.artifact import Artifact, load_artifact
from logo_detection.errors import ItemError, LogoDetectionError
from studio.images.inspection import Inspected, Inspector
from studio.publishing.active import link_of
from studio.settings import Settings

LOCK = "trial.lock"
WAIT_S = 15.0
POLL_S = 0.1


class Busy(LogoDetectionError):
    """Others' trials have taken too long."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model says of a file; or why it says nothing.

    Attributes:
        model: Its name and version.
        outcome: What is in the file.
    """

    model: str
    outcome: Inspected | ItemError


def model_of(settings: Settings) -> Artifact:
    """The active version, or the studio's model as long as there is none.

    Raises:
        ArtifactError: It is not usable.
    """
    link = link_of(settings.data)
    return load_artifact(link.resolve() if link.is_symlink() else settings.model)


def try_file(path: Path, settings: Settings) -> Trial:
    """Look at a file.

    Raises:
        Busy: Another trial did not end in time.
        ArtifactError, WorkerStartError: There is no model, or it does not start.
    """
    with _alone(settings.data / LOCK):
        artifact = model_of(settings)
        with Inspector(artifact, 1, settings.decode_timeout_s, settings.file_max_size) as inspector:
            (outcome,) = inspector.look([path], inspector.target)
            return Trial(inspector.model, outcome)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else is in such a block meanwhile; the kernel opens the lock of a process that dies."""
    ends = time.monotonic() + WAIT_S
    with path.open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise Busy("others are trying pictures: try again in a moment") from None
                time.sleep(POLL_S)
        yield
