"""Clones: read the files of git repositories at a commit by git's plumbing.

There is no work tree: nothing of a repository is checked out, and none of its hooks and filters runs.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from logo_detection.errors import LogoDetectionError

READ_TIMEOUT_S = 120.0  # a command that reads a clone
FETCH_TIMEOUT_S = 3600.0  # a command that fetches from another host
MAX_FILES = 500_000  # of one commit

_FILE_MODES = (b"100644", b"100755")  # not a link (120000), and not another repository (160000)


class CloneError(LogoDetectionError):
    """A repository cannot be read at a commit, or not be fetched. One line that names it."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a commit: its path, and the id of its content (a blob)."""

    path: str
    blob: str


def find_clone(clones: Path, repository: str) -> Path | None:
    """The git directory of `owner/name` below a folder of clones; None if there is none.

    It may be a bare or an ordinary clone: `owner+name`, `owner+name/repo` or `owner/name`.
    """
    homes = (clones / repository.replace("/", "+"), clones / repository)
    places = (home / inner for home in homes for inner in (".git", "repo", "repo/.git", ""))
    return next((place for place in places if (place / "HEAD").is_file()), None)


def make_clone(clones: Path, repository: str, commit: str, origin: str) -> Path:
    """Make a bare clone of one commit without its files' contents, which `fetch_blobs` brings.

    Raises:
        CloneError: It cannot be fetched. There is no half of a clone then.
    """
    clones.mkdir(parents=True, exist_ok=True)
    final = clones / repository.replace("/", "+")
    with tempfile.TemporaryDirectory(dir=clones, prefix=".clone-") as unfinished:
        clone = Path(unfinished) / "repository"
        _git(clone, "init", "--quiet", "--bare", timeout_s=READ_TIMEOUT_S)
        _git(clone, "remote", "add", "origin", f"{origin}/{repository}", timeout_s=READ_TIMEOUT_S)
        fetch = ("fetch", "--quiet", "--depth=1", "--no-tags", "--filter=blob:none", "origin", commit)
        _git(clone, *fetch, timeout_s=FETCH_TIMEOUT_S)
        clone.rename(final)
    return final


def list_files(clone: Path, commit: str) -> list[TreeFile]:
    """The regular files of a commit, in git's order; no links, and no repositories within it.

    Raises:
        CloneError: There is no such commit, or it has more than `MAX_FILES`.
    """
    listed = _git(clone, "ls-tree", "-r", "-z", "--full-tree", f"{commit}^{{commit}}").split(b"\0")[:-1]
    if len(listed) > MAX_FILES:
        raise CloneError(f"{clone}: {commit} has more than {MAX_FILES:,} files")
    return [_tree_file(entry) for entry in listed if entry.startswith(_FILE_MODES)]


def _tree_file(entry: bytes) -> TreeFile:
    """An entry is `mode type blob<TAB>path`. A path that is not UTF-8 is written with escapes."""
    about, _, path = entry.partition(b"\t")
    return TreeFile(path.decode("utf-8", "backslashreplace"), about.split(b" ")[2].decode())


def fetch_blobs(clone: Path, commit: str, blobs: Iterable[str]) -> set[str]:
    """Fetch what a clone without contents lacks of some blobs, in one go.

    Returns:
        Those that are absent all the same, as from a clone that somebody thinned out.

    Raises:
        CloneError: The clone's origin does not give them.
    """
    absent = _absent(clone, commit) & set(blobs)
    if absent and _is_partial(clone):
        # As git itself fetches what a partial clone lacks (promisor-remote.c), but all at once.
        fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin")
        _git(clone, *fetch, "origin", given=_lines(sorted(absent)), timeout_s=FETCH_TIMEOUT_S)
        absent &= _absent(clone, commit)
    return absent


def _absent(clone: Path, commit: str) -> set[str]:
    """The blobs of a commit that are not in the clone; git does not fetch them meanwhile."""
    walk = ("rev-list", "--objects", "--missing=print", "--no-object-names", f"{commit}^{{tree}}")
    return {line[1:] for line in _git(clone, *walk).decode().split() if line.startswith("?")}


def _is_partial(clone: Path) -> bool:
    return bool(_git(clone, "config", "--default", "", "--get", "remote.origin.promisor").strip())


def blob_sizes(clone: Path, blobs: Sequence[str]) -> list[int]:
    """The size of each blob in bytes, all of which are there."""
    answer = _git(clone, "cat-file", "--batch-check=%(objectsize)", given=_lines(blobs)).split()
    return [int(size) for size in answer]


def read_blobs(clone: Path, blobs: Sequence[str]) -> Iterator[bytes]:
    """The content of each blob, all of which are there and fit into memory together."""
    answer = _git(clone, "cat-file", "--batch", given=_lines(blobs))
    at = 0
    for blob in blobs:  # `blob type size<LF>content<LF>`
        end = answer.index(b"\n", at)
        about = answer[at:end].split(b" ")
        if about[0].decode() != blob or len(about) != 3:
            raise CloneError(f"{clone}: has no {blob}")
        at = end + 1 + int(about[2])
        yield answer[end + 1 : at]
        at += 1


def _lines(blobs: Sequence[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in blobs).encode()


def _git(clone: Path, *arguments: str, given: bytes = b"", timeout_s: float = READ_TIMEOUT_S) -> bytes:
    """What a git command writes. Raises CloneError with its reason where it fails."""
    # No prompt waits for a password, and no replacement stands in for a commit.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
    # What is fetched is never there in another version, about which git would ask.
    command = ["git", "-c", "fetch.negotiationAlgorithm=noop", f"--git-dir={clone}", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  a pinned commit's ids, and names that `sources` has checked
            command, input=given, capture_output=True, timeout=timeout_s, env=environment, check=False
        )
    except FileNotFoundError as error:
        raise CloneError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CloneError(f"{clone}: git {arguments[0]} took more than {timeout_s:g} s") from error
    if done.returncode:
        raise CloneError(f"{clone}: git {arguments[0]}: {_reason(done.stderr) or done.returncode}")
    return done.stdout


def _reason(errors: bytes) -> str:
    """The first line that says what was fatal, or else the last one."""
    lines = errors.decode("utf-8", "backslashreplace").strip().splitlines()
    fatal = [line for line in lines if line.startswith("fatal: ")]
    return re.sub(r"[^\x20-\x7e]", "?", (fatal or lines[-1:] or [""])[0])
