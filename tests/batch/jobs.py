"""What the tests of both engines share: files of every error, a model that hangs on one, and a job's rows."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

from batch.names import display_name
from batch.score import main
from tests.harness.process import ROOT, clean_environment
from tests.images import one_colour
from tests.models import LABELS, write_artifact

RED, BLUE, GREEN = one_colour("red"), one_colour("blue"), one_colour("lime")
HOURS = 1e10  # iterations, each 8 microseconds

# What becomes of each file; the model hangs on green, so that its worker has to be killed.
EXPECTED_ERRORS = {
    "blue.png": None,
    "cut.png": "image_corrupt",
    "empty.png": "image_corrupt",
    "green.png": "image_timeout",
    "red.png": None,
    "words.txt": "image_unsupported",
}


def endless_onnx(path: Path) -> Path:
    """Save `tests.models.tiny_onnx` with a loop: pure green keeps it busy for hours."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 224, 224, 3])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])
    constants = {
        "axes": np.array([1, 2], np.int64),
        "white": np.array(255, np.float32),
        "weights": np.array(((0, 4), (0, 0), (4, 0)), np.float32),
        "only_green": HOURS * np.array([-1, 1, -1], np.float32),  # no iteration for grey
        "go_on": np.array(True),
    }
    node = helper.make_node
    same = ("go_on", "logits")
    body = helper.make_graph(
        [node("Identity", [f"{name}_in"], [f"{name}_out"]) for name in same],
        "iteration",
        [helper.make_tensor_value_info("iteration", TensorProto.INT64, []), *_values(same, "in")],
        _values(same, "out"),
    )
    nodes = [
        node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        node("Div", ["mean", "white"], ["colour"]),
        node("MatMul", ["colour", "weights"], ["logits"]),
        node("MatMul", ["colour", "only_green"], ["greenness"]),
        node("Relu", ["greenness"], ["iterations_of_each"]),
        node("ReduceMax", ["iterations_of_each"], ["most_iterations"], keepdims=0),
        node("Cast", ["most_iterations"], ["iterations"], to=TensorProto.INT64),
        node("Loop", ["iterations", "go_on", "logits"], ["looped"], body=body),
        node("Softmax", ["looped"], ["scores"], axis=1),
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "endless_green", [image], [scores], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def _values(names: tuple[str, str], suffix: str) -> list[Any]:
    condition, logits = (f"{name}_{suffix}" for name in names)
    return [
        helper.make_tensor_value_info(condition, TensorProto.BOOL, []),
        helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["N", len(LABELS)]),
    ]


def endless_artifact(directory: Path) -> Path:
    """An artifact of that model."""
    directory.mkdir()
    endless_onnx(directory / "model.onnx")
    return write_artifact(directory)


def files_of_every_kind(folder: Path) -> Path:
    """A folder with a file for every error."""
    folder.mkdir(exist_ok=True)
    contents = {"words.txt": b"words", "empty.png": b"", "cut.png": RED[:60]}
    contents |= {"red.png": RED, "blue.png": BLUE, "green.png": GREEN}
    for name in EXPECTED_ERRORS:
        (folder / name).write_bytes(contents[name])
    return folder


AWKWARD_NAMES = (
    b"File:Foo.png",
    b"_underscore.png",
    b"-dash.png",
    b"bad\xfe.png",
    b"bad\xff.png",
    b"bad\\xff.png",
    b"brackets[1]{2}*?.png",
    "line\u2028separator\x85\f.png".encode(),
    b"new\nline.png",
    b"percent%20 space.png",
    b'quote".png',
)
"""Names of files that a reader may take for something else."""


def awkward_files(folder: Path) -> list[str]:
    """A folder with an image of each awkward name. Returns the names by which their rows are known."""
    folder.mkdir(parents=True)
    for number, name in enumerate(AWKWARD_NAMES):
        (folder / os.fsdecode(name)).write_bytes(BLUE if number % 2 else RED)
    return sorted(f"{folder}/{display_name(name)}" for name in AWKWARD_NAMES)


def many_files(folder: Path, number: int) -> Path:
    """A folder with so many images, red and blue in turn."""
    folder.mkdir(exist_ok=True)
    for index in range(number):
        (folder / f"{index:04}.png").write_bytes(BLUE if index % 2 else RED)
    return folder


def write_table(path: Path, **columns: list[Any]) -> Path:
    """A table of Parquet; columns of bytes are `content`."""
    types = {"content": pa.binary()}
    arrays = {name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), path)
    return path


def damaged_table(path: Path, column: str) -> Path:
    """A table of images whose footer is whole, and of which one column is not."""
    write_table(path, filename=["a", "b"], content=[RED, BLUE])
    table = pq.ParquetFile(path)
    pages = table.metadata.row_group(0).column(table.schema_arrow.names.index(column))
    data = bytearray(path.read_bytes())
    start = min(pages.dictionary_page_offset or pages.data_page_offset, pages.data_page_offset)
    data[start : start + pages.total_compressed_size] = b"\xff" * pages.total_compressed_size
    path.write_bytes(data)
    return path


def run(artifact: Path, output: Path | str, *arguments: object) -> int:
    """Run the command in this process. Returns its status."""
    return main(["--model", str(artifact), "--workers", "1", "--output", str(output), *map(str, arguments)])


@contextmanager
def half_way(
    artifact: Path, output: Path, *arguments: object, timeout_s: float
) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process group of its own, of which two files of rows are there already."""
    command = [sys.executable, "-m", "batch.score", "--model", artifact, "--workers", 1, "--output", output]
    with subprocess.Popen(
        [str(part) for part in (*command, *arguments)],
        cwd=ROOT,
        env=clean_environment({}),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as job:
        give_up = time.monotonic() + timeout_s
        while len(list(output.glob("part-*.parquet"))) < 2:
            assert job.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.005)
        yield job


def read_rows(output: Path) -> dict[str, dict[str, Any]]:
    """A job's rows by filename, each of which is there once; see `read_keys` where names repeat."""
    rows = ds.dataset(output, format="parquet", partitioning="hive").to_table().to_pylist()
    by_name = {row["filename"]: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name


def read_keys(output: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """A job's rows by input and filename, each pair of which is there once."""
    rows = ds.dataset(output, format="parquet", partitioning="hive").to_table().to_pylist()
    by_key = {(row["input"], row["filename"]): row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


def errors(rows: dict[str, dict[str, Any]]) -> dict[str, str | None]:
    """The error of each row, by the last part of its name."""
    return {Path(name).name: row["error"] for name, row in rows.items()}


def text_types() -> list[pa.DataType]:
    """The types of Arrow that hold text."""
    return [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


def binary_types() -> list[pa.DataType]:
    """The types of Arrow that hold bytes."""
    return [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(len(RED))]


def table_of_type(path: Path, text: pa.DataType, binary: pa.DataType) -> Path:
    """A table of two images, whose columns have these types."""
    names, images = pa.array(["a", "b"], text), pa.array([RED, RED], binary)
    pq.write_table(pa.table({"filename": names, "content": images}), path)
    return path
