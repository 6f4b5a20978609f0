import asyncio
import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.inputs import find_inputs
from logo_detection.errors import FetchFailed, ImageTooLarge, ItemError, NoSuchFile, UrlNotAllowed
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import FetchPolicy
from logo_detection.files import FIRST_BYTES, held_file
from logo_detection.scoring import Input

MAX_BYTES = 1000


def found(*arguments: str | Path) -> list[Input]:
    memory = ByteBudget(100 * 2**20)
    fetcher = Fetcher(FetchPolicy(allowed_hosts=()), memory)
    return list(find_inputs(map(str, arguments), fetcher=fetcher, memory=memory, max_bytes=MAX_BYTES))


def names_below(folder: Path) -> list[str]:
    return [os.path.relpath(item.name, folder) for item in found(folder)]


def write(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


async def read(item: Input) -> bytes:
    async with item.open() as data:
        return data


def test_a_folder_stands_for_all_its_files_sorted_level_by_level(tmp_path: Path) -> None:
    names = ["B.png", "a", "a.png", "b/1.png", "b/2/x.png", "b/3", "c.png"]
    write(tmp_path, reversed(names))
    (tmp_path / "empty").mkdir()
    assert names_below(tmp_path) == names


def test_arguments_keep_their_order_and_may_repeat(tmp_path: Path) -> None:
    write(tmp_path, ["a/1", "a/2", "b"])
    arguments: list[str | Path] = [
        tmp_path / "b",
        "https://x.example/1.png",
        tmp_path / "a",
        tmp_path / "b",
        tmp_path / "none",
    ]
    names = [item.name for item in found(*arguments)]
    expected = [tmp_path / "b", "https://x.example/1.png", tmp_path / "a" / "1", tmp_path / "a" / "2"]
    assert names == list(map(str, [*expected, tmp_path / "b", tmp_path / "none"]))


def test_what_is_hidden_is_skipped_unless_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, [".a", ".b/c", "d"])
    assert names_below(tmp_path) == ["d"]
    assert [item.name for item in found(tmp_path / ".a", tmp_path / ".b")] == [
        f"{tmp_path}/.a",
        f"{tmp_path}/.b/c",
    ]


def test_links_to_files_count_and_links_to_folders_do_not(tmp_path: Path) -> None:
    write(tmp_path, ["a/1"])
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "1")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    assert names_below(tmp_path) == ["a/1", "link"]


def test_pipes_in_a_folder_are_no_files(tmp_path: Path) -> None:
    write(tmp_path, ["a"])
    os.mkfifo(tmp_path / "pipe")
    assert names_below(tmp_path) == ["a"]


def test_folders_may_be_nested_deeper_than_calls_may(tmp_path: Path) -> None:
    folders = [f"{tmp_path}/" + "d/" * depth for depth in range(1, 1100)]
    for folder in folders:
        os.mkdir(folder)  # noqa: PTH102  pathlib and pytest's own cleaning up are recursive themselves
    write(tmp_path, [folders[-1] + "a"])
    items = found(tmp_path)
    os.unlink(folders[-1] + "a")  # noqa: PTH108
    for folder in reversed(folders):
        os.rmdir(folder)  # noqa: PTH106
    assert [item.name for item in items] == [folders[-1] + "a"]


@settings(max_examples=30)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=40), max_size=8
    )
)
def test_files_of_any_name_are_found_once_and_read(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("names")
    shown = sorted({f"x{name}" for name in names})
    write(folder, shown)
    items = found(folder)
    assert [item.name for item in items] == [f"{folder}/{name}" for name in shown]
    assert [asyncio.run(read(item)) for item in items] == [name.encode() for name in shown]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing", NoSuchFile("no such file")),
        ("pipe", FetchFailed("it is not a regular file")),
        ("file/below", FetchFailed("the file cannot be read: Not a directory")),
        ("loop", FetchFailed("the file cannot be read: Too many levels of symbolic links")),
        ("large", ImageTooLarge("the file has more than 1,000 bytes")),
    ],
)
async def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, error: ItemError) -> None:
    write(tmp_path, ["file"])
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "large").write_bytes(bytes(MAX_BYTES + 1))
    (item,) = found(tmp_path / name)
    async with asyncio.timeout(10):
        with pytest.raises(type(error)) as raised:
            await read(item)
    assert raised.value.message == error.message


async def test_a_file_of_the_largest_size_is_read_and_so_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(MAX_BYTES))
    (tmp_path / "b").touch()
    assert [len(await read(item)) for item in found(tmp_path)] == [MAX_BYTES, 0]


@pytest.mark.parametrize("more_bytes", [-1, 0, 1, FIRST_BYTES])
async def test_a_file_is_read_whole_in_one_step_or_two(tmp_path: Path, more_bytes: int) -> None:
    content = random.Random(0).randbytes(FIRST_BYTES + more_bytes)
    (tmp_path / "a").write_bytes(content)
    memory = ByteBudget(2 * FIRST_BYTES)
    async with held_file(tmp_path / "a", memory=memory) as data:
        assert data == content
        assert memory.held_bytes == len(content)


async def test_a_url_is_the_fetchers_business() -> None:
    (item,) = found("ftp://x.example/a.png")
    with pytest.raises(UrlNotAllowed):
        await read(item)


async def test_files_wait_for_memory(tmp_path: Path) -> None:
    write(tmp_path, ["12345"])
    memory = ByteBudget(8)
    async with held_file(tmp_path / "12345", memory=memory, max_bytes=8):
        assert memory.held_bytes == 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), held_file(tmp_path / "12345", memory=memory, max_bytes=8):
                pass
    assert memory.held_bytes == 0
    async with held_file(tmp_path / "12345", memory=memory, max_bytes=8) as data:
        assert data == b"12345"
