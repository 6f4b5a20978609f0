"""The columns of a table of inputs: which ones are read, by their names and types, whichever engine reads.

    filename text, content bytes                        images
    filename text, image struct<bytes, path>            images, as Hugging Face's `datasets` writes them
    url text, and perhaps filename text                 addresses

`content` may be such a struct, too; without `filename`, its `path` is the name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batch.errors import BatchError

FILENAME, CONTENT, URL = "filename", "content", "url"
IMAGE, PATH = "image", "path"

TEXT, BYTES = "text", "bytes"
IMAGE_STRUCT = "struct<bytes, path>"
_BYTES_FIELD = "bytes"


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns to read. Each is a path: a column, or a column and one of its fields.

    Attributes:
        name: What a row is called.
        content: The image's bytes, or None where images are fetched.
        url: Where they are fetched from, or None.
    """

    name: tuple[str, ...]
    content: tuple[str, ...] | None
    url: str | None


def find_columns(table: str, types: Mapping[str, str]) -> TableColumns:
    """The columns to read of a table of inputs.

    Args:
        table: Its path, for errors.
        types: Of each column: TEXT, BYTES, IMAGE_STRUCT, or what else the engine calls it.

    Raises:
        BatchError: A column is missing, or has another type.
    """
    if FILENAME in types:
        check_type(table, types, FILENAME, TEXT)
    image = _image_column(types)
    if image is not None and types[image] == IMAGE_STRUCT:
        return TableColumns((FILENAME,) if FILENAME in types else (image, PATH), (image, _BYTES_FIELD), None)
    if image is not None and FILENAME in types:
        check_type(table, types, image, BYTES)
        return TableColumns((FILENAME,), (image,), None)
    if URL not in types:
        wanted = f"{FILENAME} and {CONTENT}, or {URL}"
        raise BatchError(f"{table} has no column {wanted}; it has {', '.join(types)}")
    check_type(table, types, URL, TEXT)
    return TableColumns((FILENAME,) if FILENAME in types else (URL,), None, URL)


def check_type(table: str, types: Mapping[str, str], column: str, wanted: str) -> None:
    """Raise BatchError unless a table has a column of a type."""
    check_columns(table, list(types), column)
    if types[column] != wanted:
        raise BatchError(f"{table}: the column {column} is {types[column]}, and not {wanted}")


def check_columns(table: str, columns: Sequence[str], *wanted: str) -> None:
    """Raise BatchError unless a table has these columns."""
    if missing := [name for name in wanted if name not in columns]:
        raise BatchError(f"{table} has no column {', '.join(missing)}; it has {', '.join(columns)}")


def _image_column(types: Mapping[str, str]) -> str | None:
    """`content`; or `image`, where it is a struct with an image's bytes."""
    if CONTENT in types:
        return CONTENT
    return IMAGE if types.get(IMAGE) == IMAGE_STRUCT else None
