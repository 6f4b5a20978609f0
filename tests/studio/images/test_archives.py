"""Archives: what is refused, by name, before anything is unpacked or while it is."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from logo_detection.errors import ImageCorrupt, ImageTooLarge
from studio.images.archives import ArchiveLimits, opened_archive
from studio.images.candidates import ImportRefused
from studio.images.store import FileStore
from tests.studio.world import zipped

pytestmark = pytest.mark.slow

LIMITS = ArchiveLimits(files=20, bytes=10**6, file_bytes=10**5)


def listed(path: Path, data: bytes, limits: ArchiveLimits = LIMITS) -> tuple[dict[str, str], dict[str, str]]:
    """Labels of those that may come in, and reasons of those that are refused, by name."""
    path.write_bytes(data)
    with opened_archive(path, limits) as found:
        return {one.name: one.label for one in found.files}, {one.name: one.reason for one in found.refused}


def with_entry(name: str, data: bytes = b"x", **attributes: int) -> bytes:
    entry = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(entry, attribute, value)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, data)
    return out.getvalue()


def test_the_first_folder_is_the_label(tmp_path: Path) -> None:
    files, refused = listed(tmp_path / "a", zipped({"logo/deep/a.png": b"x", "b.png": b"y"}))
    assert files == {"logo/deep/a.png": "logo", "b.png": ""}
    assert refused == {}


@pytest.mark.parametrize(
    "name", ["../a.png", "logo/../../a.png", "/etc/passwd", "C:/a.png", "logo\\..\\a.png"]
)
def test_a_path_that_leaves_the_archive_is_refused(name: str, tmp_path: Path) -> None:
    files, refused = listed(tmp_path / "a", with_entry(name))
    assert files == {}
    assert set(refused.values()) == {"its path leaves the archive"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(kind: int, tmp_path: Path) -> None:
    data = with_entry("a.png", b"/etc/passwd", external_attr=(kind | 0o777) << 16)
    assert listed(tmp_path / "a", data) == ({}, {"a.png": "it is a link or a device"})


@pytest.mark.parametrize("name", ["inner.zip", "logo/inner.tar.gz", "INNER.7Z"])
def test_an_archive_inside_is_refused(name: str, tmp_path: Path) -> None:
    assert listed(tmp_path / "a", zipped({name: b"x"})) == ({}, {name: "it is an archive itself"})


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(with_entry("a.png"))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert listed(tmp_path / "a", bytes(data)) == ({}, {"a.png": "it is encrypted"})


def test_a_name_with_control_characters_is_refused(tmp_path: Path) -> None:
    _, refused = listed(tmp_path / "a", with_entry("a\nb.png"))
    assert list(refused.values()) == ["its name has control characters"]


@pytest.mark.parametrize("name", ["\u0645\u06cc\u200c\u062e.png", "\u65e5\u3000\u672c.png", "1\xa0000.png"])
def test_a_name_in_any_language_comes_in(name: str, tmp_path: Path) -> None:
    assert listed(tmp_path / "a", zipped({name: b"x"})) == ({name: ""}, {})


def test_folders_and_what_systems_leave_behind_are_no_files(tmp_path: Path) -> None:
    data = zipped({"logo/": b"", "__MACOSX/logo/._a.png": b"x", "logo/.DS_Store": b"x", "logo/a.png": b"x"})
    assert listed(tmp_path / "a", data) == ({"logo/a.png": "logo"}, {})


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="21 files, and may have 20"):
        listed(tmp_path / "a", zipped({f"{number}.png": b"x" for number in range(21)}))


def test_more_bytes_than_allowed_are_refused_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"unpacks to 1,100,000 bytes, and may to 1,000,000"):
        listed(tmp_path / "a", zipped({f"{number}.png": bytes(100_000) for number in range(11)}))


def test_a_large_file_is_refused_by_what_the_archive_says_of_it(tmp_path: Path) -> None:
    _, refused = listed(tmp_path / "a", zipped({"a.png": bytes(100_001)}))
    assert refused == {"a.png": "it has more than 100,000 bytes"}


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_is_unpacked(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.png": bytes(5_000_000)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + place, 50)
    (tmp_path / "a").write_bytes(data)
    with opened_archive(tmp_path / "a", LIMITS) as found:
        (one,) = found.files
        with pytest.raises((ImageTooLarge, ImageCorrupt)), one.open() as source:
            FileStore(tmp_path / "store").add(source, LIMITS.file_bytes)
    kept = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert kept == []


def test_a_directory_of_millions_is_refused_before_it_is_read(tmp_path: Path) -> None:
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 10**9, 0, 0)
    with pytest.raises(ImportRefused, match="more than 20 files"):
        listed(tmp_path / "a", end)


def test_a_zip64_is_refused(tmp_path: Path) -> None:
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(ImportRefused, match="zip64"):
        listed(tmp_path / "a", locator + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 46, 0, 0))


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"\x89PNG\r\n", zipped({"a.png": b"x"})[:-30]],
    ids=["nothing", "two letters", "a picture", "half of one"],
)
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="not a zip archive"):
        listed(tmp_path / "a", data)


def test_a_damaged_file_is_told_when_it_is_unpacked(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.png": bytes(range(256)) * 20}))
    data[60] ^= 0xFF
    (tmp_path / "a").write_bytes(data)
    with opened_archive(tmp_path / "a", LIMITS) as found:
        (one,) = found.files
        with pytest.raises(ImageCorrupt), one.open() as source:
            source.read(LIMITS.file_bytes)
