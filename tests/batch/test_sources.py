from pathlib import Path

import pytest

from batch.errors import BatchError
from batch.sources import InputSource, count_entries, entries, find_source
from tests.batch.jobs import RED, damaged_table, many_files, write_table


def names(source: InputSource) -> list[str]:
    return [entry.filename for entry in entries(source)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.parquet", "parquet"),
        ("a/b.PARQUET/", "parquet"),
        ("urls.txt", "manifest"),
        ("urls.csv", "manifest"),
        ("a.png", "files"),
        ("folder", "files"),
        ("https://a.test/x.txt", "files"),
    ],
)
def test_an_input_is_read_as_its_name_says(path: str, kind: str) -> None:
    assert find_source([path], None, None).kind == kind


def test_the_operator_has_the_last_word_on_how_an_input_is_read() -> None:
    assert find_source(["folder"], "parquet", "names.txt") == InputSource("parquet", ("folder",), "names.txt")


def test_a_pattern_and_a_folder_that_overlap_give_each_file_once(tmp_path: Path) -> None:
    folder = many_files(tmp_path / "in", 3)
    source = find_source([f"{folder}/*2.png", str(folder)], None, None)
    assert names(source) == [f"{folder}/0002.png", f"{folder}/0000.png", f"{folder}/0001.png"]
    assert count_entries(source) == 3


def test_a_manifest_of_lines_names_urls_by_themselves_and_once(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("https://a.test/1\n\nhttps://a.test/2\nhttps://a.test/1\n")
    assert names(InputSource("manifest", (str(path),))) == ["https://a.test/1", "https://a.test/2"]


def test_a_manifest_may_be_a_table(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet", url=["https://a.test/1"], filename=["one"])
    (entry,) = entries(find_source([str(path)], None, None))
    assert (entry.filename, entry.url, entry.content) == ("one", "https://a.test/1", None)
    path = write_table(tmp_path / "u.parquet", url=["https://a.test/1"])
    assert names(find_source([str(path)], None, None)) == ["https://a.test/1"]


def test_names_may_be_a_table_too(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.parquet", filename=["a", "b", "c"], content=[RED] * 3)
    wanted = write_table(tmp_path / "n.parquet", filename=["c", "x", "a"])
    source = find_source([str(table)], None, str(wanted))
    assert names(source) == ["a", "c", "x"]
    assert count_entries(source) == 3


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"filename": ["a"]}, "has no column filename and content, or url; it has filename"),
        ({"filename": ["a", "b", "a"], "content": [RED] * 3}, "has more than one row of a"),
        ({"filename": ["a", None], "content": [RED] * 2}, "filename is null in 1 of its rows"),
    ],
)
def test_a_table_that_cannot_be_read_row_by_row_is_refused(
    tmp_path: Path, columns: dict[str, list[object]], complaint: str
) -> None:
    path = write_table(tmp_path / "t.parquet", **columns)
    with pytest.raises(BatchError, match=complaint):
        names(find_source([str(path)], None, None))


@pytest.mark.parametrize("column", ["filename", "content"])
def test_a_table_with_a_whole_footer_and_damaged_pages_is_refused(tmp_path: Path, column: str) -> None:
    table = damaged_table(tmp_path / "t.parquet", column)
    with pytest.raises(BatchError, match=r"t\.parquet is no table of parquet that can be read: \S.*"):
        names(InputSource("parquet", (str(table),)))


def test_damaged_names_are_refused(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.parquet", filename=["a"], content=[RED])
    wanted = damaged_table(tmp_path / "n.parquet", "filename")
    with pytest.raises(BatchError, match=r"n\.parquet is no table of parquet that can be read"):
        names(InputSource("parquet", (str(table),), str(wanted)))


def test_only_files_may_be_several() -> None:
    with pytest.raises(BatchError, match="of parquet inputs there is one"):
        find_source(["a.parquet", "b.parquet"], None, None)


def test_a_manifest_without_urls_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("filename,address\na,b\n")
    with pytest.raises(BatchError, match="has no column url; it has filename, address"):
        names(InputSource("manifest", (str(path),)))
    path.write_text("")
    with pytest.raises(BatchError, match="has no column url; it has no header"):
        names(InputSource("manifest", (str(path),)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.txt", "url\nhttps://a.test/1\n"),
        ("m.txt", "\n/pictures/a.png\n"),
        ("m.csv", "filename,url\na,Foo.png\n"),
    ],
)
def test_a_list_that_begins_with_something_else_than_a_url_is_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BatchError, match=r"m\.(txt|csv): '(url|/pictures/a\.png|Foo\.png)' is no URL"):
        names(find_source([str(path)], None, None))


def test_a_url_of_a_list_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("filename,url\na,\nb,https://a.test/1\n")
    assert names(find_source([str(path)], None, None)) == ["a", "b"]


def test_a_folder_of_parquet_is_read_as_a_table_where_that_is_said_and_refused_otherwise(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "images" / "year=2024"
    folder.mkdir(parents=True)
    write_table(folder / "part-0.parquet", filename=["a"], content=[RED])
    (tmp_path / "images" / "_SUCCESS").touch()
    assert names(find_source([str(tmp_path / "images")], "parquet", None)) == ["a"]
    with pytest.raises(BatchError, match="images has files of Parquet: --read parquet reads them"):
        names(find_source([str(tmp_path / "images")], None, None))
