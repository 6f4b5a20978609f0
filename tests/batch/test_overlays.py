"""Names of overlays: plain, short, and apart from each other, whatever the inputs are called."""

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.overlays import overlay_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("folder/logo.svg", "0007-logo.svg.png"),
        (
            "https://commons.wikimedia.org/wiki/Special:FilePath/Foo%20bar.png?x=1",
            "0007-Foo_20bar.png_x_1.png",
        ),
        ("../../etc/passwd", "0007-passwd.png"),
        ("..", "0007-...png"),
        ("", "0007-.png"),
        ("\x1b[31m\n.png", "0007-_31m_.png.png"),
    ],
)
def test_a_name_says_which_input_it_is_of(name: str, expected: str) -> None:
    assert overlay_name(7, name) == expected


@given(st.text(), st.integers(1, 10**9))
def test_a_name_is_plain_and_has_no_folder(name: str, number: int) -> None:
    found = overlay_name(number, name)
    assert PurePath(found).name == found
    assert found.isascii()
    assert found.isprintable()
    assert len(found) <= 100
    assert found != overlay_name(number + 1, name)
