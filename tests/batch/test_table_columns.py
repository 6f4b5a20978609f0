"""Tables of inputs: every type of text or bytes is read, and others are refused before anything starts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.errors import BatchError
from batch.sources import InputSource, count_entries, entries
from tests.batch.jobs import RED, binary_types, table_of_type, text_types


def found(path: Path, names: Path | None = None) -> list[tuple[str, bytes | None, str | None]]:
    source = InputSource("parquet", (str(path),), str(names) if names else None)
    assert count_entries(source) >= 1
    return [(entry.filename, entry.content, entry.url) for entry in entries(source)]


@pytest.mark.parametrize("kind", binary_types(), ids=str)
@pytest.mark.parametrize("text", text_types(), ids=str)
def test_text_and_bytes_of_any_type_are_read(text: pa.DataType, kind: pa.DataType, tmp_path: Path) -> None:
    path = table_of_type(tmp_path / "t.parquet", text, kind)
    names = tmp_path / "names.parquet"
    pq.write_table(pa.table({"filename": pa.array(["a", "c"], text)}), names)
    assert found(path) == [("a", RED, None), ("b", RED, None)]
    assert found(path, names) == [("a", RED, None), ("c", None, None)]


@pytest.mark.parametrize("text", text_types(), ids=str)
def test_urls_of_any_type_of_text_are_read(text: pa.DataType, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {
        "url": ["https://a.test/1", "https://a.test/2", "https://a.test/1"],
        "filename": ["a", "a", "a"],
    }
    pq.write_table(pa.table({name: pa.array(values, text) for name, values in columns.items()}), path)
    assert found(path) == [("a", None, "https://a.test/1"), ("a", None, "https://a.test/2")]


@pytest.mark.parametrize("column", ["image", "content"])
def test_images_of_hugging_face_are_read_by_their_own_names_or_by_a_columns(
    column: str, tmp_path: Path
) -> None:
    images = pa.array(
        [{"bytes": RED, "path": "x.png"}, {"bytes": None, "path": "y.png"}],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({column: images}), path)
    assert found(path) == [("x.png", RED, None), ("y.png", None, None)]
    pq.write_table(pa.table({column: images, "filename": pa.array(["a", "b"])}), path)
    assert found(path) == [("a", RED, None), ("b", None, None)]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        (
            {"filename": pa.array(["a"]), "content": pa.array(["words"])},
            "the column content is text, and not bytes",
        ),
        (
            {"filename": pa.array(["a"]), "content": pa.array([1])},
            "the column content is int64, and not bytes",
        ),
        (
            {"filename": pa.array([b"a"]), "content": pa.array([RED])},
            "the column filename is bytes, and not text",
        ),
        ({"filename": pa.array([7]), "url": pa.array(["x"])}, "the column filename is int64, and not text"),
        ({"url": pa.array([b"x"])}, "the column url is bytes, and not text"),
        (
            {"filename": pa.array(["a"]), "content": pa.array([{"bytes": "x", "path": "y"}])},
            r"content is struct<bytes: text, path: text>, and not bytes",
        ),
    ],
)
def test_a_column_of_another_type_is_refused_by_its_name(
    columns: dict[str, pa.Array], complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    for read in (count_entries, lambda source: list(entries(source))):
        with pytest.raises(BatchError, match=complaint):
            read(InputSource("parquet", (str(path),)))
