"""A studio of one's own for every test: an empty data folder, and a database as migrations leave it.

Django reads its settings once, so that the folder's name is chosen before any test is collected.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(tempfile.mkdtemp(prefix="studio-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ |= {
    "STUDIO_DATA": str(FOLDER / "data"),
    "STUDIO_SECRET_KEY": "no secret at all, but long enough for one",
    "STUDIO_MODEL": str(FOLDER / "artifact"),
    "STUDIO_IMPORT_FOLDER": str(FOLDER / "imports"),
    "STUDIO_WORKERS": "1",
    "STUDIO_LOG_IN_FAILURES_MAX": "3",
    "STUDIO_CONTACT": "tests@example.org",
    "STUDIO_UPLOAD_MAX_SIZE": str(20 * 2**20),
    "STUDIO_API_REQUESTS_PER_MINUTE": "250",
    "STUDIO_API_TOKEN_REQUESTS_PER_MINUTE": "100",
    "STUDIO_API_BODY_MAX_SIZE": str(2**20),
    "DJANGO_SETTINGS_MODULE": "studio.django_settings",
}

import django

django.setup()

from django.core.management import call_command
from django.db import connections
from django.test import Client

from studio.django_settings import STUDIO
from studio.images.membership import make_dataset
from studio.images.models import Dataset
from studio.people.models import Role, User
from studio.trying.scoring import scorer_of_process
from tests.models import tiny_onnx, write_artifact
from tests.studio.world import log_in, make_user, shared_inspector

DATABASE = STUDIO.data / "studio.sqlite3"


def _empty() -> None:
    shutil.rmtree(STUDIO.data, ignore_errors=True)
    (STUDIO.data / "uploads").mkdir(parents=True)


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A database that has been migrated, and the model that scores."""
    _empty()
    (FOLDER / "artifact").mkdir()
    (FOLDER / "imports").mkdir()
    tiny_onnx(FOLDER / "artifact" / "model.onnx")
    write_artifact(FOLDER / "artifact")
    call_command("migrate", verbosity=0, interactive=False)
    if not STUDIO.database_url:
        connections["default"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connections.close_all()
        shutil.copyfile(DATABASE, FOLDER / "template.sqlite3")
    with shared_inspector():
        yield FOLDER / "template.sqlite3"
    scorer_of_process().end()


@pytest.fixture(autouse=True)
def studio(template: Path) -> Iterator[Path]:
    """The data folder, with an empty database."""
    _empty()
    if not STUDIO.database_url:  # a PostgreSQL is the test's own: `test_postgresql` runs one test on each
        shutil.copyfile(template, DATABASE)
    yield STUDIO.data
    connections.close_all()


@pytest.fixture
def imports(studio: Path) -> Path:
    """The folder below which folders may be imported, empty."""
    folder = FOLDER / "imports"
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


@pytest.fixture
def administrator() -> User:
    return make_user("ada", Role.ADMINISTRATOR)


@pytest.fixture
def dataset(administrator: User) -> Dataset:
    return make_dataset(administrator, "signs")


@pytest.fixture
def browser(administrator: User) -> Client:
    """Logged in as administrator."""
    return log_in(administrator)
