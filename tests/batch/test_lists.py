"""Lists of names and URLs: no line is lost, and none is cut in two."""

from pathlib import Path

import pytest

from batch.errors import BatchError
from batch.lists import read_csv, read_lines
from batch.sources import InputSource, entries, read_names


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    names = ["a\u2028b", "c\x85d", "e\ff", "g\x1ch", " i ", "j\rk"]
    path = tmp_path / "names.txt"
    path.write_bytes("\ufeff".encode() + "\r\n".join([*names, "", ""]).encode())
    assert list(read_lines(path)) == names
    assert list(read_names(str(path))) == names


def test_spaces_around_a_url_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(" https://a.test/1\t\n \nhttps://a.test/2\u2028\n")
    found = [entry.url for entry in entries(InputSource("manifest", (str(path),)))]
    assert found == ["https://a.test/1", "https://a.test/2\u2028"]


def test_separators_that_are_no_line_ends_stay_in_a_field(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('url,filename\nhttps://a.test/1,a\u2028b\x85\f\nhttps://a.test/2,"c,d"\n')
    found = [entry.filename for entry in entries(InputSource("manifest", (str(path),)))]
    assert found == ["a\u2028b\x85\f", "c,d"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('url,filename\nx,a\ny,"b\nz,c\n', "line 3: unexpected end of data; is a quote left open"),
        ('filename,url\n"a,x\nb,y\n"c",z\n', "line 2: ',' expected after '\"'; is a quote left open"),
        ('filename,url\n"a,x\nb",y\n', "line 2: filename has a line break; is a quote left open"),
        ("url,filename\nx\n", "line 2: the row has more or fewer fields than the header"),
        ("url\nx,y\n", "line 2: the row has more or fewer fields than the header"),
        ("url,url\nx,y\n", "has two columns url"),
        ("filename,address\n", "has no column url"),
        ("", "has no column url"),
        ("url\n" + 200_000 * "x", "line 2: field larger than field limit"),
    ],
)
def test_a_csv_that_would_lose_rows_is_refused_by_its_line(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(BatchError, match=complaint):
        list(read_csv(path, "url"))
