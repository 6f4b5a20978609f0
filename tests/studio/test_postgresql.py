"""The same studio on PostgreSQL: a real server on a free port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from studio.backup import BackupRefused, restore
from studio.settings import read_settings
from tests.harness.process import ROOT
from tests.studio.postgresql import running_postgresql
from tests.studio.served import log_in, make_and_fill_dataset, post, served
from tests.studio.test_backup import check_restored, studio_command

pytestmark = pytest.mark.slow

RACES = [
    "images/test_labelling.py::test_of_those_who_undo_a_change_at_once_one_does",
    "images/test_labelling.py::test_of_undoings_at_once_each_undoes_a_change_of_its_own",
    "review/test_deciding.py::test_of_undoings_at_once_each_takes_back_a_decision_of_its_own",
    "review/test_deciding.py::test_reviewers_who_decide_at_once_lose_no_decision",
]
"""Tests of what people do at once: SQLite puts transactions in an order, and here rows have to be locked."""


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of an empty database."""
    with running_postgresql() as url:
        yield url


def test_images_are_imported_labelled_and_kept_in_a_version(database: str, tmp_path: Path) -> None:
    with (
        served(tmp_path / "data", STUDIO_DATABASE_URL=database) as studio,
        httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60) as client,
    ):
        log_in(client, studio)
        make_and_fill_dataset(client)
        grid, queue = "/datasets/signs/", "/datasets/signs/?order=uncertain&disagreement_min=0"
        assert client.get(queue).text.count('class="tile"') == 1
        tile = post(client, grid, f"{grid}label", {"image": "1", "label": "out_of_domain"}).text
        assert "out_of_domain: <strong>1</strong>" in tile
        assert "logo: <strong>1</strong>" in post(client, grid, f"{grid}undo", {}).text
        version = post(client, f"{grid}versions", f"{grid}versions/add", {"note": "n"})
        assert 'id="digest"' in version.text
    with psycopg.connect(database) as connection:
        for statement in ("UPDATE people_auditentry SET who = 'x'", "DELETE FROM people_auditentry"):
            with pytest.raises(psycopg.Error, match="append-only"):
                connection.execute(statement)
            connection.rollback()
    assert not (tmp_path / "data" / "studio.sqlite3").exists()


def test_a_running_studio_is_backed_up_and_restored_into_another_database(
    database: str, tmp_path: Path
) -> None:
    data, backup = tmp_path / "first" / "data", tmp_path / "backup"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        served(data, STUDIO_DATABASE_URL=database) as studio,
        httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60) as client,
    ):
        log_in(client, studio)
        make_and_fill_dataset(client)
        said = studio_command("backup", backup, {"STUDIO_DATA": str(data), "STUDIO_DATABASE_URL": database})
        assert "the database (postgresql) and " in said
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    other = database.removesuffix("postgres") + "restored"
    new = {"STUDIO_DATA": str(tmp_path / "second" / "data"), "STUDIO_DATABASE_URL": other}
    assert "restored" in studio_command("restore", backup, new)
    with (
        served(Path(new["STUDIO_DATA"]), STUDIO_DATABASE_URL=other) as again,
        httpx.Client(base_url=again.url, follow_redirects=True, timeout=60) as client,
    ):
        check_restored(client, studio, again)
    with pytest.raises(BackupRefused, match="has tables already"):
        restore(read_settings(data=tmp_path / "third", database_url=other), backup)


@pytest.mark.parametrize("race", RACES)
def test_what_people_do_at_once_ends_as_on_sqlite(race: str, database: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/studio/{race}"],
        cwd=ROOT,
        env={**os.environ, "STUDIO_DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "1 passed" in told.stdout, told.stdout
