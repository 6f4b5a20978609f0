"""Display names: text for any path, and another for each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.names import display_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"File:Foo.png", "File:Foo.png"),
        ("é 東\u2028.png".encode(), "é 東\u2028.png"),
        (b"back\\slash.png", "back\\slash.png"),
        (b"bad\xff.png", "bad\\xff.png"),
        (b"bad\\xff.png", "bad\\\\xff.png"),
        (b"bad\\\xff.png", "bad\\\\\\xff.png"),
        (b"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"),
    ],
)
def test_a_path_is_shown_as_it_is_unless_it_is_not_text(path: bytes, name: str) -> None:
    assert display_name(path) == name


PIECES = st.lists(st.sampled_from([b"\\", b"x", b"ff", b"\xff", b"a", "é".encode(), b"\\xff"]), max_size=6)


@given(st.lists(PIECES.map(b"".join) | st.binary(max_size=8), max_size=40, unique=True))
def test_different_paths_have_different_names_in_utf8(paths: list[bytes]) -> None:
    names = {display_name(path).encode() for path in paths}
    assert len(names) == len(paths)
