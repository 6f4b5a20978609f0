"""Taking in: scored files come into a queue.

    table -> scored files -> alarms and those drawn -> pictures, where they are at hand -> items
                          -> the others, which are counted

An intake that is begun again, after its runner was killed, finds what it has taken in already.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.db import transaction
from django.db.models import F

from logo_detection.errors import ItemError
from logo_detection.fetch.policy import AllowedHost
from studio.images.admission import admit
from studio.images.candidates import Candidate, ImportRefused, opened
from studio.images.importing import CHUNK, Equipment
from studio.images.inspection import Inspector
from studio.images.models import MAX_TEXT_CHARS, File
from studio.images.store import FileStore
from studio.images.uploads import ARCHIVE, Uploads
from studio.review.models import Intake, IntakeProblem, Item, PassedOver
from studio.review.scored_files import Placement, ScoredFile, item_of, link_of, place
from studio.review.tables import Piece, RefusedRow, open_table

MAX_PROBLEMS = 1000
NOTHING_TO_SEE = "there is neither a picture of it here nor an address of an allowed host"


@dataclass(frozen=True, slots=True)
class Placed:
    """A scored file, and what the queue does with it."""

    file: ScoredFile
    placement: Placement


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes scored files in; `go_on` is called now and then, and raises what ends an intake.

    Attributes:
        hosts: Those of addresses that pages link to.
    """

    equipment: Equipment
    hosts: Sequence[AllowedHost]
    go_on: Callable[[], None]

    def run(self, job: Intake) -> str:
        """Take in all that an intake has. Returns what came of it, in one line.

        Raises:
            ImportRefused, TableRefused: Nothing can be taken in.
        """
        with self.equipment.inspect() as inspector:
            if job.kind == Intake.Kind.POSTED:
                self._take_posted(job, inspector)
            else:
                self._take_table(job, inspector)
        job.refresh_from_db()
        if job.kind == Intake.Kind.POSTED:
            return f"{job.done:,} pictures, {job.refused:,} refused"
        alarms = job.items.filter(is_alarm=True).count()
        drawn = job.items.count() - alarms
        return (
            f"{alarms:,} alarms, {drawn:,} drawn from below the threshold, {job.known:,} known,"
            f" {job.unscored:,} without a score, {job.refused:,} refused"
        )

    def _take_table(self, job: Intake, inspector: Inspector) -> None:
        root = self.equipment.import_root
        if root is None:
            raise ImportRefused("tables are not read here: STUDIO_IMPORT_FOLDER is not set")
        table = open_table(Path(job.path), root)
        _begin(job, table.rows)
        pictures = Path(job.pictures) if job.pictures else root
        for piece in table.pieces(job.queue.positive.name):
            self.go_on()
            self._take_piece(job, piece, partial(picture_of, pictures=pictures, root=root), inspector)

    def _take_piece(
        self, job: Intake, piece: Piece, find: Callable[[ScoredFile], Path | None], inspector: Inspector
    ) -> None:
        placed = {one.placement.key: one for one in (Placed(f, place(job.queue, f)) for f in piece.files)}
        known = _known(job, list(placed))
        new = [one for key, one in placed.items() if key not in known]
        over = [one.placement.key for one in new if not one.placement.is_shown]
        shown = [one for one in new if one.placement.is_shown]
        for start in range(0, len(shown), CHUNK):
            self.go_on()
            self._take_shown(job, shown[start : start + CHUNK], find, inspector)
        again = len(piece.files) - len(new) - sum(own for own in known.values())
        with transaction.atomic():
            rows = [PassedOver(queue=job.queue, key=key) for key in over]
            PassedOver.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
            Intake.objects.filter(pk=job.pk).update(
                done=F("done") + piece.rows,
                known=F("known") + max(0, again),
                unscored=F("unscored") + piece.unscored,
                refused=F("refused") + len(piece.refused),
            )
            _tell(job, piece.refused)

    def _take_shown(
        self,
        job: Intake,
        placed: Sequence[Placed],
        find: Callable[[ScoredFile], Path | None],
        inspector: Inspector,
    ) -> None:
        paths = {number: path for number, one in enumerate(placed) if (path := find(one.file))}
        candidates = [
            Candidate(placed[number].file.filename, partial(opened, paths[number])) for number in paths
        ]
        pictures, problems = self._admit(job, candidates, inspector)
        by_number = {number: pictures[where] for where, number in enumerate(paths) if where in pictures}
        items = []
        for number, one in enumerate(placed):
            item = _item(job, one, link_of(one.file.source, self.hosts))
            _give_picture(item, by_number.get(number))
            if not item.is_ready and number not in paths:
                problems.append(RefusedRow(item.filename, NOTHING_TO_SEE))
            items.append(item)
        with transaction.atomic():
            Item.objects.bulk_create(items, ignore_conflicts=True)
            _tell(job, problems)

    def _take_posted(self, job: Intake, inspector: Inspector) -> None:
        waiting = job.queue.items.exclude(upload="").order_by("pk")
        _begin(job, waiting.count())
        while items := list(waiting[:CHUNK]):
            self.go_on()
            self._take_pictures(job, items, inspector)

    def _take_pictures(self, job: Intake, items: Sequence[Item], inspector: Inspector) -> None:
        candidates = [_uploaded(item, self.equipment.uploads) for item in items]
        pictures, problems = self._admit(job, candidates, inspector)
        tokens = [item.upload for item in items]
        with transaction.atomic():
            for number, item in enumerate(items):
                _give_picture(item, pictures.get(number))
                item.upload = ""
                # What reviewers have done meanwhile is not the runner's to write.
                item.save(update_fields=["file", "heat_map_by", "is_ready", "upload"])
            _tell(job, problems)
            Intake.objects.filter(pk=job.pk).update(
                done=F("done") + len(items), refused=F("refused") + len(problems)
            )
        for token in tokens:
            self.equipment.uploads.drop(token)

    def _admit(
        self, job: Intake, candidates: Sequence[Candidate], inspector: Inspector
    ) -> tuple[dict[int, "Picture"], list[RefusedRow]]:
        """The pictures of candidates by their places, and what the fence refused."""
        store, most = self.equipment.store, self.equipment.limits.file_bytes
        admitted = admit(candidates, store, most, inspector)
        files = {file.sha256: file for _, file in admitted.rows}
        File.objects.bulk_create(files.values(), ignore_conflicts=True)
        drawn = _draw_heat_maps(list(files), job.queue.positive.name, store, inspector)
        pictures = {
            number: Picture(digest, inspector.model if digest in drawn else "")
            for number, digest in admitted.digests.items()
        }
        return pictures, [RefusedRow(one.name, one.reason) for one in admitted.refused]


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of the store, and the model that has a heat map of it; empty: none has."""

    sha256: str
    heat_map_by: str


def heat_map_of(store: FileStore, sha256: str, model: str, target: str) -> Path:
    """Where the heat map lies that a model has of a file and a class."""
    return store.heat_map(sha256, f"{model} {target}")


def picture_of(file: ScoredFile, pictures: Path, root: Path) -> Path | None:
    """The picture of a scored file below a folder, by its source or its name; None: there is none.

    Nothing is found that lies elsewhere than below the root, whatever a table says.
    """
    for name in (file.source, file.filename):
        try:
            found = (pictures / name).resolve()
            if name and found.is_relative_to(root.resolve()) and found.is_file():
                return found
        except (OSError, ValueError, RuntimeError):  # no path at all: too long, with a null, a loop of links
            continue
    return None


def _draw_heat_maps(digests: Sequence[str], target: str, store: FileStore, inspector: Inspector) -> set[str]:
    """Draw those that are not there yet. Returns the files that have one."""
    places = {digest: heat_map_of(store, digest, inspector.model, target) for digest in digests}
    missing = [digest for digest, path in places.items() if not path.exists()]
    without = set()
    seen = inspector.look([store.file(digest) for digest in missing], target)
    for digest, found in zip(missing, seen, strict=True):
        overlay = None if isinstance(found, ItemError) else found.overlay
        if overlay is None:
            without.add(digest)
        else:
            store.write(places[digest], overlay)
    return set(digests) - without


def _give_picture(item: Item, picture: Picture | None) -> None:
    """Give an item, which is not saved by it, its picture."""
    if picture is not None:
        item.file_id, item.heat_map_by = picture.sha256, picture.heat_map_by
    item.is_ready = bool(item.file_id or item.source_url)


def _uploaded(item: Item, uploads: Uploads) -> Candidate:
    return Candidate(item.filename, partial(opened, uploads.folder(item.upload) / ARCHIVE))


def _item(job: Intake, one: Placed, link: str) -> Item:
    item = item_of(job.queue, one.file, one.placement, link)
    item.brought_by = job
    return item


def _known(job: Intake, keys: list[str]) -> Mapping[str, bool]:
    """Those of some keys that the queue has, and whether this intake has brought them."""
    items = job.queue.items.filter(key__in=keys).values_list("key", "brought_by")
    over = job.queue.passed_over.filter(key__in=keys).values_list("key", flat=True)
    return {**dict.fromkeys(over, False), **{key: by == job.pk for key, by in items}}


@transaction.atomic
def _begin(job: Intake, total: int) -> None:
    """What an earlier attempt counted is counted anew."""
    job.problems.all().delete()
    Intake.objects.filter(pk=job.pk).update(total=total, done=0, known=0, unscored=0, refused=0)


def _tell(job: Intake, refused: Sequence[RefusedRow]) -> None:
    if not refused:
        return
    room = max(0, MAX_PROBLEMS - job.problems.count())
    IntakeProblem.objects.bulk_create(
        IntakeProblem(of=job, name=one.name[-MAX_TEXT_CHARS:], reason=one.reason[:300])
        for one in refused[:room]
    )
