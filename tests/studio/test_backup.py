"""Backups: of a studio that runs, restored where there was none."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from studio.backup import BackupRefused, back_up, restore
from studio.django_settings import STUDIO
from studio.images.models import Dataset
from studio.images.store import FileStore
from studio.images.versions import folder_of, make_version
from studio.people.models import User
from studio.settings import Settings, read_settings
from tests.harness.process import ROOT
from tests.studio.served import Served, log_in, make_and_fill_dataset, served
from tests.studio.world import fill, pattern

pytestmark = pytest.mark.slow


def studio_command(verb: str, folder: Path, settings: Mapping[str, str]) -> str:
    """What `logo-studio` says."""
    command = [sys.executable, "-m", "studio", verb, str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_restored(client: httpx.Client, said: Served, running: Served) -> None:
    """The first user logs in with the same password, and finds the image with its label and pictures."""
    log_in(client, said)
    assert "logo: <strong>1</strong>" in client.get("/datasets/signs/").text
    assert client.get("/datasets/signs/images/1/preview").content.startswith(b"\xff\xd8")
    assert "import" in client.get("/datasets/signs/history").text
    assert "password" not in running.said()


def test_a_running_studio_is_backed_up_and_restored_elsewhere(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        served(tmp_path / "first" / "data") as studio,
        httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60) as client,
    ):
        log_in(client, studio)
        make_and_fill_dataset(client)
        said = studio_command("backup", backup, {"STUDIO_DATA": str(tmp_path / "first" / "data")})
        assert "the database (sqlite) and " in said
    assert backup.stat().st_mode & 0o777 == 0o700
    data = tmp_path / "second" / "data"
    assert "restored" in studio_command("restore", backup, {"STUDIO_DATA": str(data)})
    with (
        served(data) as again,
        httpx.Client(base_url=again.url, follow_redirects=True, timeout=60) as client,
    ):
        check_restored(client, studio, again)


@pytest.fixture
def filled(dataset: Dataset, administrator: User) -> Dataset:
    fill(dataset, administrator, {"logo/a.png": pattern(1), "out_of_domain/b.png": pattern(2)})
    return dataset


def settings_of(data: Path) -> Settings:
    return read_settings(data=data)


def test_a_version_is_restored_without_a_second_copy_of_its_images(
    filled: Dataset, administrator: User, tmp_path: Path
) -> None:
    version = make_version(administrator, filled, "", FileStore(STUDIO.data))
    (STUDIO.data / "unfinished").mkdir(exist_ok=True)
    back_up(STUDIO, tmp_path / "backup")
    assert not (tmp_path / "backup" / "data" / "unfinished").exists()
    restore(settings_of(tmp_path / "new"), tmp_path / "backup")
    store = FileStore(tmp_path / "new")
    folder = folder_of(version, store)
    (link, *_) = sorted((folder / "images").iterdir())
    assert link.samefile(store.file(link.stem))
    with closing(sqlite3.connect(tmp_path / "new" / "studio.sqlite3")) as database:
        assert database.execute("SELECT digest FROM images_version").fetchone() == (version.digest,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_backup_is_of_one_moment_while_others_write(
    filled: Dataset, administrator: User, tmp_path: Path
) -> None:
    """A transaction that is open while the backup is made is not in it, and is not hindered by it."""
    with closing(sqlite3.connect(STUDIO.data / "studio.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE images_dataset SET description = 'half'")
        back_up(STUDIO, tmp_path / "backup")
        writer.execute("COMMIT")
    with closing(sqlite3.connect(tmp_path / "backup" / "database.sqlite3")) as copy:
        assert copy.execute("SELECT description FROM images_dataset").fetchone() == ("",)


def test_a_backup_is_made_in_an_empty_folder_elsewhere(filled: Dataset, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(BackupRefused, match="not empty"):
        back_up(STUDIO, tmp_path / "full")
    with pytest.raises(BackupRefused, match="STUDIO_DATA"):
        back_up(STUDIO, STUDIO.data / "backup")
    with pytest.raises(BackupRefused, match="there is no folder"):
        back_up(settings_of(tmp_path / "nowhere"), tmp_path / "out")


def test_what_is_no_whole_backup_is_not_restored(filled: Dataset, tmp_path: Path) -> None:
    backup, new = tmp_path / "backup", settings_of(tmp_path / "new")
    back_up(STUDIO, backup)
    with pytest.raises(BackupRefused, match="not empty"):
        restore(STUDIO, backup)
    with pytest.raises(BackupRefused, match="the backup is of sqlite"):
        restore(read_settings(data=tmp_path / "new", database_url="postgres://a@127.0.0.1:1/a"), backup)
    text = (backup / "backup.json").read_text()
    for wrong in ("{", "[]", json.dumps({**json.loads(text), "format": 2})):
        (backup / "backup.json").write_text(wrong)
        with pytest.raises(BackupRefused):
            restore(new, backup)
    (backup / "backup.json").write_text(text)
    stored = next((backup / "data" / "files").glob("*/*"))
    stored.chmod(0o600)
    stored.write_bytes(b"damaged")
    with pytest.raises(BackupRefused, match="not what its name says"):
        restore(new, backup)
    (backup / "database.sqlite3").write_bytes(b"damaged")
    with pytest.raises(BackupRefused, match="is damaged"):
        restore(settings_of(tmp_path / "newer"), backup)
    assert not (tmp_path / "newer").exists()
