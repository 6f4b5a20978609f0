"""A file is replaced whole, or not at all."""

from pathlib import Path

import pytest

from datasets.replacement import replacing


def test_a_file_takes_its_place_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")
    with replacing(path) as unfinished:
        unfinished.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_could_not_be_written_leaves_the_one_before_and_the_next_attempt_succeeds(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")
    with pytest.raises(FileNotFoundError), replacing(path) as unfinished:
        (unfinished / "below").write_text("half")
    assert path.read_text() == "before"
    with replacing(path) as unfinished:
        unfinished.write_text("after")
    assert path.read_text() == "after"
