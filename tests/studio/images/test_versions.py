"""Versions: immutable, reproducible, compared, and read by what trains."""

import io
import zipfile
from pathlib import Path

import pytest
from django.test import Client

from datasets.manifest import read_examples
from studio.django_settings import STUDIO
from studio.images.labelling import label_images
from studio.images.models import Dataset, Image, Version
from studio.images.store import FileStore
from studio.images.versions import difference, folder_of, make_version
from studio.people.models import AuditEntry, User
from tests.studio.world import class_of, fill, pattern

pytestmark = pytest.mark.slow

STORE = FileStore(STUDIO.data)


@pytest.fixture
def filled(dataset: Dataset, administrator: User) -> Dataset:
    """Three images, two of them with a label."""
    files = {"logo/a.png": pattern(1), "out_of_domain/b.png": pattern(2), "c.png": pattern(3)}
    fill(dataset, administrator, files)
    return dataset


def image(name: str) -> Image:
    return Image.objects.get(name=name)


def test_a_version_is_a_set_that_training_reads(filled: Dataset, administrator: User) -> None:
    version = make_version(administrator, filled, "first", STORE)
    examples = read_examples(folder_of(version, STORE))
    assert [(one.label, one.original) for one in examples] == [
        ("logo", "logo/a.png"), ("out_of_domain", "out_of_domain/b.png"),
    ]  # fmt: skip
    assert [one.path.read_bytes() for one in examples] == [pattern(1), pattern(2)]
    assert [one.sha256 for one in examples] == [one.path.stem for one in examples]
    assert (version.number, version.images, version.balance) == (1, 2, {"logo": 1, "out_of_domain": 1})


def test_nothing_that_happens_afterwards_changes_a_version(filled: Dataset, administrator: User) -> None:
    version = make_version(administrator, filled, "", STORE)
    manifest = folder_of(version, STORE) / "manifest.csv"
    before = manifest.read_bytes()
    label_images(administrator, filled, [image("logo/a.png").pk], None)
    second = make_version(administrator, filled, "", STORE)
    assert manifest.read_bytes() == before
    assert second.digest != version.digest


def test_the_same_images_and_labels_are_the_same_version(filled: Dataset, administrator: User) -> None:
    first = make_version(administrator, filled, "", STORE)
    assert make_version(administrator, filled, "again", STORE) == first
    change = label_images(administrator, filled, [image("c.png").pk], class_of(filled, "logo"))
    second = make_version(administrator, filled, "", STORE)
    assert change is not None
    label_images(administrator, filled, [image("c.png").pk], None)
    third = make_version(administrator, filled, "", STORE)
    assert [each.number for each in (first, second, third)] == [1, 2, 3]
    assert third.digest == first.digest
    assert folder_of(third, STORE).is_dir()


def test_the_difference_of_two_versions(filled: Dataset, administrator: User, browser: Client) -> None:
    first = make_version(administrator, filled, "", STORE)
    logo, other, new = (image(name) for name in ("logo/a.png", "out_of_domain/b.png", "c.png"))
    label_images(administrator, filled, [new.pk], class_of(filled, "logo"))
    label_images(administrator, filled, [logo.pk], class_of(filled, "out_of_domain"))
    label_images(administrator, filled, [other.pk], None)
    second = make_version(administrator, filled, "", STORE)
    found = difference(second, first, STORE)
    assert found.added == {new.file_id: "logo"}
    assert found.removed == {other.file_id: "out_of_domain"}
    assert found.relabelled == {logo.file_id: ("logo", "out_of_domain")}
    page = browser.get("/datasets/signs/versions/2/since/1").content.decode()
    for text in ("Added: 1", "Removed: 1", "Another label: 1", "logo → out_of_domain"):
        assert text in page, text


def test_without_a_label_there_is_no_version(dataset: Dataset, browser: Client) -> None:
    sent = browser.post("/datasets/signs/versions/add")
    assert sent.status_code == 409
    assert b"no image of this data set has a label" in sent.content
    assert not Version.objects.exists()


def test_manifest_and_folder_are_downloaded(filled: Dataset, browser: Client, tmp_path: Path) -> None:
    assert browser.post("/datasets/signs/versions/add", {"note": "n"}).status_code == 302
    version = Version.objects.get()
    manifest = browser.get("/datasets/signs/versions/1/manifest.csv")
    assert "attachment" in manifest["Content-Disposition"]
    assert b"".join(manifest) == (folder_of(version, STORE) / "manifest.csv").read_bytes()
    manifest.close()
    answer = browser.get("/datasets/signs/versions/1/folder.zip")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    answer.close()
    examples = read_examples(tmp_path / "signs-1")
    assert [one.path.read_bytes() for one in examples] == [pattern(1), pattern(2)]
    assert AuditEntry.objects.filter(action="download version").exists()
