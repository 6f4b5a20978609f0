"""Backup and restore: a studio's database and files, taken while it runs.

OUT/database.sqlite3 or database.dump   by SQLite's online backup, or pg_dump
OUT/data/…                              what lies in STUDIO_DATA, less what is unfinished
OUT/backup.json                         what it is of; written last, so that a backup without it is none

The database comes first. Files of the store are never changed, and are written before the rows that name
them: so the files, which come later, have all that the database names.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from psycopg import Error as PostgresError
from psycopg import connect
from psycopg.conninfo import conninfo_to_dict

from logo_detection.errors import LogoDetectionError
from studio.settings import Settings

FORMAT = 1
DATA, DESCRIPTION = "data", "backup.json"
SQLITE, POSTGRESQL = "sqlite", "postgresql"
SQLITE_NAME = "studio.sqlite3"
DATABASES: Mapping[str, str] = {SQLITE: "database.sqlite3", POSTGRESQL: "database.dump"}
DATABASE_TIMEOUT_S = 3600
_LEFT_OUT = frozenset({"unfinished", SQLITE_NAME, f"{SQLITE_NAME}-wal", f"{SQLITE_NAME}-shm"})
_STORED = "files"
"""The folder of files whose names are the SHA-256 of their bytes."""


class BackupRefused(LogoDetectionError):
    """A backup cannot be made, or restored. One line."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a backup is of.

    Attributes:
        database: SQLITE or POSTGRESQL.
        sha256: Of the database's copy.
    """

    format: int
    made_at: str
    database: str
    sha256: str
    files: int


def back_up(settings: Settings, out: Path) -> Description:
    """Back a studio up, which may run meanwhile, into a folder that is empty or not there.

    Raises:
        BackupRefused: The folder has something in it, or is of the studio's own; there is no studio; the
            database or a file cannot be read.
    """
    if out.resolve().is_relative_to(settings.data.resolve()):
        raise BackupRefused(f"{out}: is in STUDIO_DATA, of which it would have to be a copy")
    if not settings.data.is_dir():
        raise BackupRefused(f"STUDIO_DATA: there is no folder {settings.data}")
    try:
        _make_empty(out)
        kind = POSTGRESQL if settings.database_url else SQLITE
        database = out / DATABASES[kind]
        if kind == SQLITE:
            _copy_sqlite(settings.data / SQLITE_NAME, database)
        else:
            _run_postgresql(settings.database_url, "pg_dump", "--format=custom", f"--file={database}")
        files = sum(1 for _ in _copy_tree(settings.data, out / DATA))
        found = Description(FORMAT, datetime.now(UTC).isoformat(), kind, _sha256(database), files)
        (out / DESCRIPTION).write_text(json.dumps(asdict(found), indent=2) + "\n")
    except OSError as error:
        raise BackupRefused(f"{error.filename or out}: {error.strerror}") from error
    return found


def restore(settings: Settings, source: Path) -> Description:
    """Restore a backup into the STUDIO_DATA and the database of the settings, neither of which has anything.

    Raises:
        BackupRefused: It is no whole backup, or of another kind of database; there is something where it is
            to go; a file of the store is not what its name says.
    """
    found = read_description(source)
    kind = POSTGRESQL if settings.database_url else SQLITE
    if found.database != kind:
        raise BackupRefused(f"the backup is of {found.database}, and STUDIO_DATABASE_URL names {kind}")
    database = source / DATABASES[kind]
    try:
        if _sha256(database) != found.sha256:
            raise BackupRefused(f"{database}: is damaged")
        if kind == POSTGRESQL:
            _check_empty_database(settings.database_url)
        _make_empty(settings.data)
        for copy in _copy_tree(source / DATA, settings.data):
            _check_stored(copy, settings.data)
        (settings.data / "uploads").mkdir(exist_ok=True)
        if kind == SQLITE:
            shutil.copyfile(database, settings.data / SQLITE_NAME)
        else:
            options = ("--no-owner", "--exit-on-error", "--single-transaction")
            name = str(conninfo_to_dict(settings.database_url)["dbname"])
            _run_postgresql(settings.database_url, "pg_restore", *options, f"--dbname={name}", str(database))
    except OSError as error:
        raise BackupRefused(f"{error.filename or source}: {error.strerror}") from error
    return found


def read_description(source: Path) -> Description:
    """What a backup is of.

    Raises:
        BackupRefused: It is no whole backup, or one that this program does not know.
    """
    try:
        found = Description(**json.loads((source / DESCRIPTION).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BackupRefused(f"{source}: is no whole backup: it has no sound {DESCRIPTION}") from error
    if found.format != FORMAT or found.database not in DATABASES:
        raise BackupRefused(f"{source}: is a backup of another program's making")
    return found


def _make_empty(folder: Path) -> None:
    """Make a folder that nobody else may read, for it will have passwords' hashes and the secret key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if next(folder.iterdir(), None) is not None:
        raise BackupRefused(f"{folder}: is not empty")
    folder.chmod(0o700)


def _copy_sqlite(source: Path, target: Path) -> None:
    """By SQLite's online backup: whole, whatever is written meanwhile."""
    if not source.is_file():
        raise BackupRefused(f"{source}: there is no database")
    try:
        with (
            closing(
                sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=60)
            ) as database,
            closing(sqlite3.connect(target)) as copy,
        ):
            database.backup(copy)  # in one step, which no writer makes begin anew
    except sqlite3.Error as error:
        raise BackupRefused(f"{source}: {error}") from error


def _run_postgresql(url: str, *command: str) -> None:
    """Run a command of PostgreSQL on a database.

    The address goes by the environment: others see a command's arguments, and a password may be in it.
    """
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    named = {f"PG{'DATABASE' if name == 'dbname' else name.upper()}": value for name, value in parts.items()}
    try:
        done = subprocess.run(  # noqa: S603  our own command; no word of it is a stranger's
            list(command),
            env={**os.environ, **named},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DATABASE_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise BackupRefused(f"{command[0]}: there is no such command; PostgreSQL's client has it") from error
    except subprocess.TimeoutExpired as error:
        raise BackupRefused(f"{command[0]}: is not done after {DATABASE_TIMEOUT_S} seconds") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        raise BackupRefused(f"{command[0]}: {said[-1]}")


def _check_empty_database(url: str) -> None:
    try:
        with connect(url, connect_timeout=30) as connection:
            row = connection.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchone()
    except PostgresError as error:
        raise BackupRefused(f"STUDIO_DATABASE_URL: {' '.join(str(error).split())}") from error
    if row is None or row[0]:
        raise BackupRefused("STUDIO_DATABASE_URL: the database has tables already")


def _copy_tree(source: Path, target: Path) -> Iterator[Path]:
    """Copy files, links as links; what is linked twice is copied once. Yields the copies.

    What goes away meanwhile, as the files of an import that is done, is left out.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    copied: dict[tuple[int, int], Path] = {}
    for folder, names, files in os.walk(source):
        relative = Path(folder).relative_to(source)
        is_root = relative == Path()
        names[:] = [name for name in names if not (is_root and name in _LEFT_OUT)]
        links = [name for name in names if (Path(folder) / name).is_symlink()]
        for name in names:
            if name not in links:
                (target / relative / name).mkdir(exist_ok=True)
        for name in [*files, *links]:
            if is_root and name in _LEFT_OUT:
                continue
            try:
                yield _copy(Path(folder) / name, target / relative / name, copied)
            except FileNotFoundError:
                continue


def _copy(source: Path, target: Path, copied: dict[tuple[int, int], Path]) -> Path:
    found = source.lstat()
    key = (found.st_dev, found.st_ino)
    if found.st_nlink > 1 and key in copied:
        os.link(copied[key], target)
    else:
        shutil.copy2(source, target, follow_symlinks=False)
        copied[key] = target
    return target


def _check_stored(copy: Path, root: Path) -> None:
    if copy.relative_to(root).parts[0] == _STORED and _sha256(copy) != copy.name:
        raise BackupRefused(f"{copy}: is not what its name says: the backup is damaged")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
