"""Files and names that strangers send: browsers are sent none of their bytes, and none of their markup."""

import io
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client
from PIL import Image as Picture

from studio.django_settings import STUDIO
from studio.images.labelling import label_images
from studio.images.models import Dataset, Image
from studio.images.store import FileStore
from studio.people.models import User
from tests.images import jpeg, picture, svg
from tests.studio.world import bring, class_of, pattern, run_imports, upload, zipped

pytestmark = pytest.mark.slow

PAYLOAD = b"<script>document.title='owned'</script>"
EVIL = "<img src=x onerror=alert(1)>"
TURNED = "\u202egnp.\u2066\u200bexe"
DESCRIPTION = 0x010E  # EXIF


def gif_that_is_a_page() -> bytes:
    out = io.BytesIO()
    picture().convert("P").save(out, "GIF", comment=PAYLOAD)
    return out.getvalue()


def jpeg_with_markup() -> bytes:
    exif = Picture.Exif()
    exif[DESCRIPTION] = PAYLOAD.decode()
    return jpeg(picture(), exif=exif, comment=PAYLOAD)


POLYGLOTS = {
    "page.gif": gif_that_is_a_page(),
    "page.jpg": jpeg_with_markup(),
    "page.png": pattern(1) + PAYLOAD,
    "archive.png": pattern(2) + zipped({"index.html": PAYLOAD}),
    "script.svg": svg(
        f'<rect width="64" height="64" fill="red"/>{PAYLOAD.decode()}', 'width="64" height="64"'
    ),
}


def content(browser: Client, address: str) -> bytes:
    response = browser.get(address)
    data = b"".join(response)
    response.close()
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    return data


def test_of_a_picture_that_is_something_else_too_browsers_get_the_pixels_alone(
    dataset: Dataset, browser: Client
) -> None:
    job = bring(browser, dataset, POLYGLOTS)
    assert job.added + job.refused == len(POLYGLOTS)
    assert job.added >= 4  # an SVG with a script may be refused
    for image in Image.objects.all():
        stored = FileStore(STUDIO.data).file(image.file_id).read_bytes()
        assert PAYLOAD in stored or b"PK\x05\x06" in stored  # it is in the store as it came
        for kind in ("thumbnail", "preview"):
            data = content(browser, f"/datasets/signs/images/{image.pk}/{kind}")
            assert data.startswith(b"\xff\xd8")
            assert b"script" not in data
            assert b"PK\x05\x06" not in data
            with Picture.open(io.BytesIO(data)) as shown:
                assert not shown.getexif()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.png", PAYLOAD),
        ("page.html", PAYLOAD),
        ("page.svg", b"<html>" + PAYLOAD),
        ("x.pdf", b"%PDF-1.4"),
    ],
)
def test_what_is_no_picture_leaves_nothing_behind(
    name: str, data: bytes, dataset: Dataset, browser: Client
) -> None:
    assert upload(browser, dataset, name, data).status_code == 302
    (job,) = run_imports()
    assert (job.added, job.refused) == (0, 1)
    assert not Image.objects.exists()
    assert not [path for path in (STUDIO.data / "files").rglob("*") if path.is_file()]


def test_no_address_leads_to_a_file_of_the_studios_folder(dataset: Dataset, browser: Client) -> None:
    bring(browser, dataset, {"a.png": pattern(1)})
    (STUDIO.data / "secret_key").write_text("a key that nobody may read")
    store = FileStore(STUDIO.data)
    image = Image.objects.get()
    secrets = (STUDIO.data / "secret_key", STUDIO.data / "studio.sqlite3", store.file(image.file_id))
    for path in secrets:
        inside = path.relative_to(STUDIO.data)
        for address in addresses(path, inside, image):
            for written in (address, quote(address), quote(address, safe="")):
                answer = browser.get(f"/{written.lstrip('/')}")
                assert answer.status_code in (400, 404), address
                assert path.read_bytes()[:40] not in answer.content, address


def addresses(path: Path, inside: Path, image: Image) -> list[str]:
    """Where somebody might look for a file."""
    up = "../" * 12
    return [
        f"/{inside}", str(path), f"/data/{inside}", f"/studio-data/{inside}", f"/media/{inside}",
        f"/static/{inside}", f"/static/{up}{path}", f"/static/studio/{up}{path}", f"/static/{path}",
        f"/datasets/{up}{path}", f"/datasets/signs/images/{image.file_id}",
        f"/datasets/signs/images/{up}{path}",
        f"/datasets/signs/images/{image.pk}/{inside}", f"/datasets/signs/versions/{up}{path}",
        f"/api/datasets/signs/images/{image.file_id}/",
    ]  # fmt: skip


def test_names_of_strangers_are_text_in_the_pages(
    dataset: Dataset, browser: Client, administrator: User
) -> None:
    files = {f"logo/{EVIL}.png": pattern(1), f"cat/{EVIL}.png": pattern(2), "logo/b.jpg": jpeg_with_markup()}
    upload(browser, dataset, f"{EVIL}.zip", zipped(files), labels="folders")
    (job,) = run_imports()
    image = dataset.images.get(name=f"logo/{EVIL}.png")
    label_images(administrator, dataset, [image.pk], class_of(dataset, "out_of_domain"), why=EVIL)
    Image.objects.filter(pk=image.pk).update(source=EVIL, author=EVIL, licence=EVIL, category=EVIL)
    browser.post("/datasets/signs/versions/add", {"note": EVIL})
    signs, shown = "/datasets/signs", 0
    for page in (
        "/audit", f"{signs}/", f"{signs}/?source={quote(EVIL)}", f"{signs}/images/{image.pk}",
        f"{signs}/history", f"{signs}/imports", f"{signs}/imports/{job.pk}", f"{signs}/duplicates",
        f"{signs}/versions", f"{signs}/versions/1", f"{signs}/runs", f"{signs}/review",
    ):  # fmt: skip
        text = browser.get(page, follow=True).content.decode()
        assert EVIL not in text, page
        assert PAYLOAD.decode() not in text, page
        shown += "&lt;img src=x" in text
    assert shown >= 8  # they were there to be seen


def test_names_cannot_turn_a_page_round(dataset: Dataset, browser: Client, administrator: User) -> None:
    job = bring(browser, dataset, {f"logo/{TURNED}.png": pattern(1), f"{TURNED}.png": b"none"})
    image = dataset.images.get()
    label_images(administrator, dataset, [image.pk], class_of(dataset, "logo"), why=TURNED)
    Image.objects.update(source=TURNED, author=TURNED)
    for page in (
        "/datasets/signs/", f"/datasets/signs/images/{image.pk}", "/datasets/signs/history",
        f"/datasets/signs/imports/{job.pk}",
    ):  # fmt: skip
        text = browser.get(page).content.decode()
        assert "\\u202egnp.\\u2066\\u200bexe" in text, page
        assert not set(TURNED[:1] + "\u2066\u200b") & set(text), page


def test_letters_that_join_stay_as_they_are(dataset: Dataset, browser: Client) -> None:
    joined = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.png"
    bring(browser, dataset, {joined: pattern(1)})
    assert joined in browser.get("/datasets/signs/").content.decode()
