"""The survey: what a folder's owner may not expect is said before anything is made of it."""

from pathlib import Path

import pytest

from datasets.manifest import DatasetInvalid, read_examples
from datasets.survey import check_names, is_plain, lines_of, plain_name, survey_of
from tests.images import one_colour


def folder(root: Path, **counts: int) -> Path:
    for label, count in counts.items():
        (root / label).mkdir(parents=True)
        for number in range(count):
            (root / label / f"{number}.png").write_bytes(one_colour("red"))
    return root


def said_of(path: Path) -> list[str]:
    return lines_of(survey_of(path, read_examples(path)))


def test_a_folder_without_surprises_is_one_line(tmp_path: Path) -> None:
    assert said_of(folder(tmp_path, cat=20, dog=21)) == ["41 images of 2 classes: cat 20, dog 21"]


def test_rare_classes_empty_folders_and_other_files_are_named(tmp_path: Path) -> None:
    folder(tmp_path, cat=20, dog=3, bird=0)
    for name in ("a.heic", "b.txt", "c.txt", "d.txt"):
        (tmp_path / "cat" / name).touch()
    (tmp_path / ".hidden").touch()
    assert said_of(tmp_path)[1:] == [
        "no image is in the folder bird, which is no class then",
        "fewer than 20 images are of dog: what is measured of them says little",
        "4 files are no images by their names: cat/a.heic, cat/b.txt, cat/c.txt and 1 more",
    ]


def test_classes_whose_names_differ_in_case_alone_are_named(tmp_path: Path) -> None:
    folder(tmp_path, Heron=20, gull=20, heron=20)
    assert said_of(tmp_path)[1:] == ["WARNING: classes whose names differ in case alone: Heron = heron"]


def test_a_set_with_a_manifest_has_only_what_that_lists(tmp_path: Path) -> None:
    folder(tmp_path, cat=20, dog=0)
    rows = "".join(f"cat/{number}.png,feline\n" for number in range(20))
    (tmp_path / "manifest.csv").write_text("path,label\n" + rows)
    assert said_of(tmp_path) == ["20 images of 1 classes: feline 20"]


def test_an_odd_name_is_refused_with_what_a_plain_one_is(tmp_path: Path) -> None:
    check_names(["cat", "0.5-a_b"])
    with pytest.raises(DatasetInvalid) as refused:
        check_names(["cat", "Red roses", ".x", "…"])
    names, _, plain = str(refused.value).partition(". A plain name is ")
    assert names == (
        "classes without a plain name: 'Red roses' (such as Red-roses), '.x' (such as x), '…' (such as class)"
    )
    assert plain == "letters of A to Z, digits, '_', '.' and '-', of which the first is a letter or a digit"


def test_a_letter_with_an_accent_is_the_letter_in_what_is_proposed() -> None:
    assert plain_name("Grüner Reiher") == plain_name("Gru\u0308ner Reiher") == "Gruner-Reiher"


@pytest.mark.parametrize("name", ["Red roses", "a/b", ".a", "ü", " "])
def test_what_is_proposed_is_plain(name: str) -> None:
    assert not is_plain(name)
    assert is_plain(plain_name(name))
