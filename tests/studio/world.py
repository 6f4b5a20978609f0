"""Users, images and requests for the studio's tests."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from threading import Barrier, Event
from typing import Any, TypeVar

from django.db import connections, transaction
from django.test import Client
from PIL import Image as Picture

from logo_detection.artifact import load_artifact
from studio.django_settings import STUDIO
from studio.images.importing import Equipment
from studio.images.inspection import Inspector
from studio.images.jobs import equipment_of, run_next_import
from studio.images.models import Dataset, File, Image, Import, LabelClass
from studio.images.scores import set_numbers
from studio.images.store import FileStore
from studio.people.models import Role, User

HTMX = {"HX-Request": "true"}
T = TypeVar("T")


def make_user(name: str, role: Role = Role.NONE) -> User:
    """A user who logs in by `log_in` alone."""
    return User.objects.create(username=name, role=role, password="!")


def stranger() -> Client:
    return Client(SERVER_NAME="localhost", raise_request_exception=True)


def log_in(user: User) -> Client:
    client = stranger()
    client.force_login(user)
    return client


def class_of(dataset: Dataset, name: str) -> LabelClass:
    return dataset.classes.get(name=name)


def pattern(number: int, colour: tuple[int, int, int] = (220, 30, 30), side: int = 48) -> bytes:
    """A PNG of a colour, with squares that no other number has and that do not look alike."""
    picture = Picture.new("RGB", (side, side), colour)
    bits = int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:2])
    for place in range(16):
        if bits >> place & 1:
            x, y = place % 4 * side // 4, place // 4 * side // 4
            picture.paste((255, 255, 255), (x, y, x + side // 4, y + side // 4))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def upload(client: Client, dataset: Dataset, name: str, data: bytes, **fields: str) -> Any:
    """What the form of imports sends."""
    file = io.BytesIO(data)
    file.name = name
    body = {"labels": "none", **fields, "uploads": file}
    return client.post(f"/datasets/{dataset.name}/imports/add", body)


@cache
def shared_inspector() -> Inspector:
    """One fence for all tests: starting one takes seconds. Its processes end with this one."""
    return Inspector(load_artifact(STUDIO.model), 1, STUDIO.decode_timeout_s, STUDIO.file_max_size)


def equipment() -> Equipment:
    """As of the settings, but for the shared fence."""
    return replace(equipment_of(STUDIO), inspect=lambda: nullcontext(shared_inspector()))


def run_imports() -> list[Import]:
    """Do all imports that wait, as the runner does. Returns all there are."""
    while run_next_import(equipment(), Event()):
        pass
    return list(Import.objects.order_by("pk"))


def fill(dataset: Dataset, by: User, files: Mapping[str, bytes]) -> None:
    """Images with files in the store, and with the labels that their folders name; nobody looks into them."""
    with transaction.atomic():
        images = rows(dataset, by, [0.5] * len(files))
        for image, (name, data) in zip(images, files.items(), strict=True):
            stored = FileStore(STUDIO.data).add(io.BytesIO(data), len(data))
            image.file = File(sha256=stored.sha256, bytes=stored.bytes, format="png", width=1, height=1)
            image.name = image.original = name
            image.label = dataset.classes.filter(name=name.partition("/")[0]).first()
        File.objects.bulk_create(image.file for image in images)
        Image.objects.bulk_update(images, ["file", "name", "original", "label"], batch_size=100)


def bring(client: Client, dataset: Dataset, files: Mapping[str, bytes], **fields: str) -> Import:
    """Import an archive of files, the whole way."""
    response = upload(client, dataset, "archive.zip", zipped(files), **fields)
    assert response.status_code == 302, response.content.decode()
    return run_imports()[-1]


def rows(
    dataset: Dataset, by: User, scores: Sequence[float], labels: Sequence[str] = (), first: int = 0
) -> list[Image]:
    """Images without files: rows alone, with a probability of `logo` each, and labels (empty: none)."""
    job = Import.objects.create(
        dataset=dataset, kind="files", name="rows", path="", labels="none", asked_by=by, state="done"
    )
    classes = {each.name: each for each in dataset.classes.all()}
    names = [hashlib.sha256(f"{dataset.pk} {first + n}".encode()).hexdigest() for n in range(len(scores))]
    files = [
        File(
            sha256=name, bytes=1, format="png", width=1, height=1, scores={"out_of_domain": 1 - p, "logo": p}
        )
        for name, p in zip(names, scores, strict=True)
    ]
    File.objects.bulk_create(files, batch_size=1000)
    images = []
    for number, file in enumerate(files):
        label = classes.get(labels[number % len(labels)]) if labels else None
        image = Image(dataset=dataset, file=file, brought_by=job, name=f"{first + number}.png", label=label)
        image.source = f"source {number % 5}"
        set_numbers(image, file.scores, label.name if label else None)
        images.append(image)
    Image.objects.bulk_create(images, batch_size=1000)
    return images


def at_once(times: int, work: Callable[[], T]) -> list[T]:
    """What work returns to as many threads, which begin it at the same moment, each by its own connection."""
    barrier = Barrier(times)

    def begin() -> T:
        try:
            connections["default"].ensure_connection()
            barrier.wait(60)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return [each.result(120) for each in [pool.submit(begin) for _ in range(times)]]
