"""Importing: files come into the store, the fence looks at them, and they are images of a data set.

    candidates -> store -> fence -> rows of File, Image, Change, Problem

An import that is begun again, after its runner was killed, finds what it has brought in already.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.db.models import F

from studio.images.admission import admit
from studio.images.archives import ArchiveLimits, opened_archive
from studio.images.candidates import Candidate, Candidates, ImportRefused, RefusedFile
from studio.images.folders import list_labelled, list_unlabelled
from studio.images.inspection import Inspector
from studio.images.models import MAX_TEXT_CHARS, Change, File, Image, Import, LabelClass, Labelling, Problem
from studio.images.near_duplicates import find_near_duplicates
from studio.images.scores import set_numbers
from studio.images.store import FileStore
from studio.images.uploads import ARCHIVE, Uploads
from studio.images.wiki import Wiki, list_category

CHUNK = 32
"""Files that are looked at and written down together."""
MAX_PROBLEMS = 1000
"""That an import tells by name; of further ones, how many."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all imports need.

    Attributes:
        store: Where files go.
        uploads: Where files come from that a browser sent.
        limits: Of archives and files.
        import_root: The folder below which folders may be named.
        inspect: Opens the fence.
        wiki: Whose categories may be imported; None: nobody's.
    """

    store: FileStore
    uploads: Uploads
    limits: ArchiveLimits
    import_root: Path | None
    inspect: Callable[[], AbstractContextManager[Inspector]]
    wiki: Wiki | None = None


@dataclass(frozen=True, slots=True)
class Importer:
    """Does imports with some equipment; `go_on` is called now and then, and raises what ends one."""

    equipment: Equipment
    go_on: Callable[[], None]

    def run(self, job: Import) -> str:
        """Bring in all that an import may. Returns what came of it, in one line.

        Raises:
            ImportRefused: Nothing can be brought in.
        """
        classes = {each.name: each for each in job.dataset.classes.all()}
        with self._listed(job) as found, self.equipment.inspect() as inspector:
            _begin(job, found)
            for start in range(0, len(found.files), CHUNK):
                self.go_on()
                self._bring(job, classes, found.files[start : start + CHUNK], inspector)
        self.go_on()
        pairs = find_near_duplicates(job.dataset, job.images.all(), self.go_on)
        job.refresh_from_db()
        return f"{job.added:,} added, {job.known:,} known, {job.refused:,} refused, {pairs:,} near duplicates"

    def _listed(self, job: Import) -> AbstractContextManager[Candidates]:
        uploads = self.equipment.uploads
        if job.kind == Import.Kind.ZIP:
            return opened_archive(uploads.folder(job.path) / ARCHIVE, self.equipment.limits)
        if job.kind == Import.Kind.FILES:
            return nullcontext(uploads.listed(job.path))
        if job.kind == Import.Kind.COMMONS:
            return nullcontext(self._list_category(uploads.folder(job.path)))
        return nullcontext(self._list_folder(job, Path(job.path)))

    def _list_category(self, folder: Path) -> Candidates:
        if self.equipment.wiki is None:
            raise ImportRefused("categories are not imported here: STUDIO_CONTACT is not set")
        return list_category(folder, self.equipment.wiki, self.go_on)

    def _list_folder(self, job: Import, path: Path) -> Candidates:
        root = self.equipment.import_root
        if root is None:
            raise ImportRefused("folders are not imported here: STUDIO_IMPORT_FOLDER is not set")
        return (
            list_labelled(path, root) if job.labels == Import.Labels.FOLDERS else list_unlabelled(path, root)
        )

    def _bring(
        self, job: Import, classes: dict[str, LabelClass], files: Sequence[Candidate], inspector: Inspector
    ) -> None:
        refused: list[RefusedFile] = []
        wanted: list[Candidate] = []
        for one in files:
            if job.labels == Import.Labels.FOLDERS and one.label and one.label not in classes:
                refused.append(RefusedFile(one.name, f"{one.label!r} is no class of this data set"))
            else:
                wanted.append(one)
        equipment = self.equipment
        admitted = admit(wanted, equipment.store, equipment.limits.file_bytes, inspector)
        _write(job, classes, admitted.rows, [*refused, *admitted.refused], admitted.again)


@transaction.atomic
def _begin(job: Import, found: Candidates) -> None:
    """Write down how much there is to do; what an earlier attempt counted is counted anew."""
    job.problems.all().delete()
    total = len(found.files) + len(found.refused)
    Import.objects.filter(pk=job.pk).update(total=total, done=0, added=0, known=0, refused=0)
    _tell(job, found.refused)


@transaction.atomic
def _write(
    job: Import,
    classes: dict[str, LabelClass],
    rows: Sequence[tuple[Candidate, File]],
    refused: Sequence[RefusedFile],
    again: int,
) -> None:
    """Write down what has become of some files; `again` of them had the bytes of others among them."""
    File.objects.bulk_create([file for _, file in rows], ignore_conflicts=True)
    present = dict(
        job.dataset.images.filter(file__in=[file for _, file in rows]).values_list("file_id", "brought_by_id")
    )
    new = [_image(job, classes, one, file) for one, file in rows if file.sha256 not in present]
    Image.objects.bulk_create(new)
    _keep_labels(job, [image for image in new if image.label_id is not None])
    own = sum(brought_by == job.pk for brought_by in present.values())
    Import.objects.filter(pk=job.pk).update(
        done=F("done") + len(rows) + again + len(refused),
        added=F("added") + len(new) + own,
        known=F("known") + again + len(present) - own,
    )
    _tell(job, refused, counted=True)


def _image(job: Import, classes: dict[str, LabelClass], one: Candidate, file: File) -> Image:
    label = job.label if job.labels == Import.Labels.ONE else None
    if job.labels == Import.Labels.FOLDERS and one.label:
        label = classes[one.label]
    facts = one.facts
    image = Image(
        dataset=job.dataset,
        file=file,
        brought_by=job,
        label=label,
        name=one.name[-MAX_TEXT_CHARS:],
        source=(facts.source or job.name)[:MAX_TEXT_CHARS],
        category=facts.category[:MAX_TEXT_CHARS],
        original=(facts.original or one.name)[-MAX_TEXT_CHARS:],
        licence=facts.licence[:MAX_TEXT_CHARS],
        author=facts.author[:MAX_TEXT_CHARS],
        metadata=dict(facts.metadata),
    )
    set_numbers(image, file.scores, label.name if label else None)
    return image


def _keep_labels(job: Import, images: Sequence[Image]) -> None:
    """The labels with which images came in are a change like any other."""
    if not images:
        return
    change, _ = Change.objects.get_or_create(
        dataset=job.dataset,
        kind=Change.Kind.IMPORT,
        by=job.asked_by,
        why=f"import {job.pk}: {job.name}"[:300],
        defaults={"images": 0},
    )
    Labelling.objects.bulk_create(
        [Labelling(change=change, image=image, before=None, after=image.label) for image in images]
    )
    Change.objects.filter(pk=change.pk).update(images=F("images") + len(images))


def _tell(job: Import, refused: Sequence[RefusedFile], counted: bool = False) -> None:
    """Write down which files were refused; their number is done already where they are `counted`."""
    room = max(0, MAX_PROBLEMS - job.problems.count())
    Problem.objects.bulk_create(
        [Problem(of=job, name=one.name[-MAX_TEXT_CHARS:], reason=one.reason[:300]) for one in refused[:room]]
    )
    done = 0 if counted else len(refused)
    Import.objects.filter(pk=job.pk).update(refused=F("refused") + len(refused), done=F("done") + done)
