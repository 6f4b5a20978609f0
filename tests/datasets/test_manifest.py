"""Labelled images: what is read, and that what is wrong with a set is said by row and column."""

import csv
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.manifest import COLUMNS, DatasetInvalid, Example, read_examples, write_examples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, without a manifest."""
    for name in ("logo/a.png", "out_of_domain/map/b.JPG", "out_of_domain/readme.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def write_csv(directory: Path, *rows: list[str], name: str = "manifest.csv") -> Path:
    with (directory / name).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return directory / name


def test_without_a_manifest_folders_are_labels_and_categories(folder: Path) -> None:
    first, second = read_examples(folder)
    assert (first.path, first.label, first.category) == (folder / "logo/a.png", "logo", "logo")
    assert (second.label, second.category, second.original) == (
        "out_of_domain",
        "map",
        "out_of_domain/map/b.JPG",
    )
    assert first.sha256 == hashlib.sha256(b"logo/a.png").hexdigest()
    assert first.source == f"{folder.name}/logo"


def test_an_image_outside_every_class_is_refused(folder: Path) -> None:
    (folder / "stray.png").write_bytes(b"?")
    with pytest.raises(DatasetInvalid, match=r"stray\.png: is in no class"):
        read_examples(folder)


def test_a_csv_needs_only_paths_and_labels(folder: Path) -> None:
    write_csv(folder, ["label", "path"], ["logo", "logo/a.png"], ["out_of_domain", "out_of_domain/map/b.JPG"])
    first, second = read_examples(folder)
    assert (first.category, first.original, first.licence, first.author) == ("logo", "logo/a.png", "", "")
    assert first.sha256 == hashlib.sha256(b"logo/a.png").hexdigest()
    assert second.source == f"{folder.name}/out_of_domain"
    assert first.metadata == {}


def test_other_columns_are_metadata_and_a_manifest_may_have_any_name(folder: Path) -> None:
    path = write_csv(
        folder, ["path", "label", "group", "width"], ["logo/a.png", "logo", "g", ""], name="mine.csv"
    )
    (found,) = read_examples(path)
    assert found.metadata == {"group": "g", "width": ""}


def test_a_byte_order_mark_is_no_part_of_a_column(folder: Path) -> None:
    (folder / "manifest.csv").write_text("path,label\nlogo/a.png,logo\n", encoding="utf-8-sig")
    assert len(read_examples(folder)) == 1


def test_parquet_and_csv_of_one_table_are_one_set(folder: Path) -> None:
    columns: dict[str, list[str | int | None]] = {
        "path": ["logo/a.png", "out_of_domain/map/b.JPG"],
        "label": ["logo", "out_of_domain"],
        "license": ["CC0", None],
        "author": [None, "Ö"],
        "pageid": [7, None],
    }
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, folder / "manifest.parquet")
    from_parquet = read_examples(folder)
    write_csv(
        folder,
        ["path", "label", "license", "author", "pageid"],
        ["logo/a.png", "logo", "CC0", "", "7"],
        ["out_of_domain/map/b.JPG", "out_of_domain", "", "Ö", ""],
    )
    assert read_examples(folder / "manifest.csv") == from_parquet
    assert from_parquet[0].metadata == {"pageid": "7"}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([["path"], ["logo/a.png"]], r"manifest\.csv: has no column label"),
        ([["path", "label", "label"], ["logo/a.png", "logo", "x"]], "has the column label twice"),
        ([["path", "label"], ["logo/a.png", " "]], "row 2, column label: is empty"),
        ([["path", "label"], ["", "logo"]], "row 2, column path: is empty"),
        ([["path", "label"], ["logo/a.png", "logo"], ["b", "logo"]], "row 3, column path: there is no file"),
        ([["path", "label"], ["logo", "logo"]], "row 2, column path: there is no file"),
        ([["path", "label"], ["../x.png", "logo"]], "row 2, column path: '../x.png' leaves"),
        ([["path", "label"], ["logo/../../x.png", "logo"]], "row 2, column path: .* leaves"),
        ([["path", "label"], ["/etc/passwd", "logo"]], "row 2, column path: '/etc/passwd' leaves"),
        ([["path", "label"], ["logo/a.png"]], "row 2: has more or fewer columns"),
        ([["path", "label"], ["logo/a.png", "logo", "and"]], "row 2: has more or fewer columns"),
        ([["path", "label"], ["logo/a.png", "logo"], ["logo/a.png", "map"]], "row 3, column label.* row 2"),
        ([["path", "label"], ["logo/a.png", "logo"], ["./logo//a.png", "map"]], "row 3.* label.* row 2"),
        ([["path", "label"], ["x" * 300, "logo"]], "File name too long"),
        ([["path", "label"]], "there is no image"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_row_and_column(folder: Path, rows: list[list[str]], complaint: str) -> None:
    write_csv(folder, *rows)
    with pytest.raises(DatasetInvalid, match=complaint):
        read_examples(folder)


@pytest.mark.parametrize("content", [b"path,label\n\xff\xfe,logo\n", b'path,label\n"logo/a.png,logo\n'])
def test_a_csv_that_cannot_be_parsed_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.csv").write_bytes(content)
    with pytest.raises(DatasetInvalid, match="is not a CSV file in UTF-8"):
        read_examples(folder)


def test_a_parquet_file_that_is_none_is_refused(folder: Path) -> None:
    (folder / "manifest.parquet").write_bytes(b"path,label\n")
    with pytest.raises(DatasetInvalid, match="is not a Parquet file"):
        read_examples(folder)


@pytest.mark.parametrize("name", ["missing", "logo/a.png"])
def test_what_is_no_set_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(DatasetInvalid, match=name):
        read_examples(folder / name)


def test_a_file_that_is_listed_twice_is_one_image(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "datasets.manifest")  # whatever a library has made of the root's level
    write_csv(
        folder,
        ["path", "label", "original"],
        ["logo/a.png", "logo", "first.png"],
        ["out_of_domain/map/b.JPG", "out_of_domain", "b"],
        ["logo/a.png", "logo", "second.png"],
    )
    assert [item.original for item in read_examples(folder)] == ["second.png", "b"]
    assert "row 4: 'logo/a.png' is listed already in" in caplog.text


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="there is no image"):
        read_examples(tmp_path)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(texts, texts, st.dictionaries(texts, texts, max_size=3)), min_size=1, max_size=5))
@settings(max_examples=50)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, dict[str, str]]]
) -> None:
    directory = tmp_path_factory.mktemp("set")
    columns = {column for _, _, metadata in rows for column in metadata} - set(COLUMNS)
    written = []
    for index, (title, author, metadata) in enumerate(rows):
        path = directory / f"{index}.png"
        path.write_bytes(b"")
        written.append(
            Example(path, "logo", "brand", "acme/logos", title or "t", "CC0", author, "0" * 64,
                    {column: metadata.get(column, "") for column in columns})
        )  # fmt: skip
    write_examples(directory / "manifest.csv", written)
    assert read_examples(directory) == written
    assert {path.name for path in directory.iterdir()} == {"manifest.csv"} | {
        item.path.name for item in written
    }


def test_a_manifest_names_no_file_outside_its_directory(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (example, _) = read_examples(folder)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "manifest.csv"
    with pytest.raises(DatasetInvalid, match="is not below"):
        write_examples(elsewhere, [example])
    with pytest.raises(DatasetInvalid, match="column sha256"):
        write_examples(folder / "manifest.csv", [replace(example, metadata={"sha256": "x"})])


@pytest.mark.parametrize("name", ["logo/._a.png", "logo/.thumbnails/a.png", ".git/logo/a.png", ".stray.png"])
def test_what_is_hidden_is_no_image(folder: Path, name: str) -> None:
    before = read_examples(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"left behind")
    assert read_examples(folder) == before


@pytest.mark.parametrize("name", ["logo/b.png", "manifest.csv"])
def test_a_file_that_cannot_be_read_is_named(folder: Path, name: str) -> None:
    (folder / name).symlink_to("/proc/self/mem")  # reading from its start is an error, for root too
    with pytest.raises(DatasetInvalid, match=r"cannot be read \(Input/output error\)") as caught:
        read_examples(folder)
    assert str(folder) in str(caught.value)


def test_a_linked_folder_is_refused_rather_than_passed_over(folder: Path) -> None:
    (folder / "flag").symlink_to(folder / "logo")
    with pytest.raises(DatasetInvalid, match="flag: is a link to a folder"):
        read_examples(folder)


def test_a_name_that_is_not_utf_8_is_refused_by_name(folder: Path) -> None:
    (folder / "logo" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    with pytest.raises(DatasetInvalid, match=r"caf\\udce9\.png': the name is not UTF-8"):
        read_examples(folder)


def test_text_that_is_not_utf_8_in_a_parquet_file_is_refused(folder: Path) -> None:
    author = pyarrow.array([b"caf\xe9"]).view(pyarrow.string())
    table = pyarrow.table({"path": ["logo/a.png"], "label": ["logo"], "author": author})
    pyarrow.parquet.write_table(table, folder / "manifest.parquet")
    with pytest.raises(DatasetInvalid, match="is not a Parquet file"):
        read_examples(folder)
