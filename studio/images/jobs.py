"""Jobs about images: what the runner does beside trainings."""

from functools import partial
from threading import Event

from logo_detection.artifact import load_artifact
from studio.background.claims import claim_next, finish
from studio.background.conclusion import conclude
from studio.background.models import State
from studio.images.archives import ArchiveLimits
from studio.images.importing import Equipment, Importer
from studio.images.inspection import Inspector
from studio.images.models import Import
from studio.images.store import FileStore
from studio.images.uploads import Uploads
from studio.images.wiki import Wiki
from studio.settings import Settings


def equipment_of(settings: Settings) -> Equipment:
    """What the settings say."""

    def inspect() -> Inspector:
        artifact = load_artifact(settings.model)
        return Inspector(artifact, settings.workers, settings.decode_timeout_s, settings.file_max_size)

    limits = ArchiveLimits(settings.zip_max_files, settings.zip_max_size, settings.file_max_size)
    uploads = Uploads(settings.data / "uploads")
    wiki = None
    if settings.contact is not None:
        wiki = Wiki(settings.commons_api, ",".join(settings.commons_image_hosts), settings.contact)
    return Equipment(FileStore(settings.data), uploads, limits, settings.import_folder, inspect, wiki)


def run_next_import(equipment: Equipment, stopping: Event) -> bool:
    """Do the oldest import that waits. Returns whether there was one.

    Where the runner is told to end meanwhile, the import waits for the next runner.
    """
    job = claim_next(Import)
    if job is None:
        return False
    conclude(
        job,
        stopping,
        lambda heart: Importer(equipment, heart.check).run(job),
        partial(_end, job, equipment.uploads),
    )
    return True


def _end(job: Import, uploads: Uploads, state: State, message: str) -> None:
    if finish(job, state, message) and job.kind != Import.Kind.FOLDER:
        uploads.drop(job.path)
