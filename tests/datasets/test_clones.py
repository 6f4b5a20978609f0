"""Clones: files of a commit are read without a work tree, and what is not a file is not read."""

import os
from pathlib import Path

import pytest

from datasets.clones import (
    CloneError,
    blob_sizes,
    fetch_blobs,
    find_clone,
    list_files,
    make_clone,
    read_blobs,
)
from tests.repositories import commit_all, commit_index, delete_blob, git, make_repository

FILES = {"a.png": b"first", "folder/b.png": b"second\n\0\xff", "folder/empty.png": b""}


def blobs_of(clone: Path, commit: str) -> list[str]:
    return [file.blob for file in list_files(clone, commit)]


def test_files_of_a_commit_are_read_as_they_were_committed(tmp_path: Path) -> None:
    commit = make_repository(tmp_path, FILES)
    (tmp_path / "a.png").write_bytes(b"changed")
    commit_all(tmp_path)
    files = list_files(tmp_path / ".git", commit)
    assert [file.path for file in files] == list(FILES)
    blobs = [file.blob for file in files]
    assert blob_sizes(tmp_path / ".git", blobs) == [len(content) for content in FILES.values()]
    assert list(read_blobs(tmp_path / ".git", blobs)) == list(FILES.values())


@pytest.mark.parametrize("name", ["two\nlines.png", 'a "quote".png', "tab\t.png", "-n.png", "größe.png"])
def test_an_odd_name_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    commit = make_repository(tmp_path, {name: b"content"})
    (file,) = list_files(tmp_path / ".git", commit)
    assert file.path == name
    assert list(read_blobs(tmp_path / ".git", [file.blob])) == [b"content"]


def test_a_name_that_is_not_utf8_can_be_written_down(tmp_path: Path) -> None:
    make_repository(tmp_path, {})
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))).write_bytes(b"content")
    (file,) = list_files(tmp_path / ".git", commit_all(tmp_path))
    assert file.path == "\\xff.png"


def test_links_and_submodules_are_no_files(tmp_path: Path) -> None:
    commit = make_repository(tmp_path, {"real.png": b"content"})
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    git(tmp_path, "add", "link.png")
    git(tmp_path, "update-index", "--add", "--cacheinfo", f"160000,{commit},sub.png")
    assert [file.path for file in list_files(tmp_path / ".git", commit_index(tmp_path))] == ["real.png"]


@pytest.mark.parametrize("place", ["o+n", "o+n/.git", "o+n/repo", "o+n/repo/.git", "o/n", "o/n/.git"])
def test_a_clone_is_found_wherever_clones_lie(tmp_path: Path, place: str) -> None:
    git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / place))
    assert find_clone(tmp_path, "o/n") == tmp_path / place
    assert find_clone(tmp_path, "o/other") is None


def test_a_clone_that_is_made_has_the_contents_that_are_asked_for_alone(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "origin" / "o" / "n", FILES)
    clone = make_clone(tmp_path / "clones", "o/n", commit, f"file://{tmp_path}/origin")
    assert find_clone(tmp_path / "clones", "o/n") == clone
    first, second, empty = blobs_of(clone, commit)
    assert fetch_blobs(clone, commit, [second, empty]) == set()
    assert list(read_blobs(clone, [second, empty])) == [FILES["folder/b.png"], b""]
    (tmp_path / "origin").rename(tmp_path / "gone")
    assert fetch_blobs(clone, commit, [second, empty]) == set()
    with pytest.raises(CloneError, match="git fetch"):
        fetch_blobs(clone, commit, [first])


def test_a_blob_that_a_clone_lacks_is_told(tmp_path: Path) -> None:
    commit = make_repository(tmp_path, FILES)
    first, second, _ = blobs_of(tmp_path / ".git", commit)
    delete_blob(tmp_path, second)
    assert fetch_blobs(tmp_path / ".git", commit, [first, second]) == {second}
    assert fetch_blobs(tmp_path / ".git", commit, [first]) == set()
    with pytest.raises(CloneError, match=f"has no {second}"):
        list(read_blobs(tmp_path / ".git", [first, second]))


def test_a_repository_or_commit_that_there_is_not_is_refused_and_leaves_no_clone(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "origin" / "o" / "n", FILES)
    for repository, wanted in (("o/other", commit), ("o/n", "0" * 40)):
        with pytest.raises(CloneError, match="git fetch: "):
            make_clone(tmp_path / "clones", repository, wanted, f"file://{tmp_path}/origin")
    assert list((tmp_path / "clones").iterdir()) == []
    with pytest.raises(CloneError, match="git ls-tree: "):
        list_files(tmp_path / "origin" / "o" / "n" / ".git", "0" * 40)
