import time

import pytest

from logo_detection.decode.svg import MAX_DECLARATIONS, read_root, with_known_encoding
from logo_detection.errors import ImageCorrupt
from tests import images
from tests.images import svg


def nominal_size(data: bytes) -> tuple[float, float] | None:
    root = read_root(data)
    return None if root is None else (root.width, root.height)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="200" height="100"', (200, 100)),
        ('width="200px" height=" 1e2 "', (200, 100)),
        ('width="1in" height="2.54cm"', (96, 96)),
        ('width="72pt" height="6pc"', (96, 96)),
        ('width="25.4mm" height="10em"', (96, 160)),
        ('viewBox="0 0 30 20"', (30, 20)),
        ('viewBox=" -5,-5 , 30,20 "', (30, 20)),
        ('width="60" viewBox="0 0 30 20"', (60, 40)),
        ('height="60" viewBox="0 0 30 20"', (90, 60)),
        ('width="100%" height="50%" viewBox="0 0 30 20"', (30, 10)),
        ('width="0" height="0" viewBox="0 0 30 20"', (30, 20)),
        ('width="-3" height="auto" viewBox="0 0 30 20"', (30, 20)),
        ('width="10" height="5" viewBox="0 0 0 20"', (10, 5)),
        ('width="10" height="5" viewBox="a b c d"', (10, 5)),
        ('width="10" height="5" viewBox="0 0 nan inf"', (10, 5)),
        ("", (512, 512)),
        ('width="100%"', (512, 512)),
        ('width="1e9" height="1e308"', (1e9, 1e9)),
        ('width="1e-30" height="1"', (1e-3, 1)),
        (f'width="{"9" * 1000}" height="1"', (1e9, 1)),
        ('width="300" viewBox="0 0 1e-300 1e300"', (300, 1e9)),
    ],
)
def test_nominal_size(attributes: str, size: tuple[float, float]) -> None:
    assert nominal_size(svg("", attributes)) == pytest.approx(size)


@pytest.mark.parametrize(
    ("attributes", "is_sized"),
    [
        ('width="200" height="1in"', True),
        ('viewBox="0 0 30 20"', True),
        ('width="100%" height="100%" viewBox="0 0 30 20"', True),
        ("", False),
        ('width="200"', False),
        ('width="100%" height="100%"', False),
        ('width="a" height="b" viewBox="c"', False),
    ],
)
def test_a_root_tells_whether_it_has_a_size(attributes: str, is_sized: bool) -> None:
    root = read_root(svg("", attributes))
    assert root is not None
    assert root.is_sized is is_sized


@pytest.mark.parametrize(
    "data",
    [
        images.svg_logo(),
        b"\xef\xbb\xbf" + images.svg_logo(),
        b"\n\t  <!-- a -->\n" + svg(""),
        b'<?xml version="1.0" encoding="ISO-8859-1"?><!-- \xe9 -->' + svg(""),
        b'<?xml version="1.0" encoding="windows-1252"?><!-- \x80 -->' + svg(""),
        b"<?xml version='1.0'\n encoding = 'UTF8' standalone='no'?><!-- \xc3\xa9 -->" + svg(""),
        '<?xml version="1.0" encoding="euc-jp"?><!-- 日本 -->'.encode("euc-jp") + svg(""),
        images.svg_logo().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        b"\xfe\xff" + images.svg_logo().decode().replace("UTF-8", "UTF-16").encode("utf-16-be"),
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:9/svg11.dtd">' + svg(""),
        b'<?xml-stylesheet href="file:///etc/passwd"?>' + svg(""),
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
        b'<svg width="20" height="20"/>',
    ],
)
def test_svg_is_recognised_however_it_is_written(data: bytes) -> None:
    assert read_root(data) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<",
        b"<!-- svg",
        b"<html/>",
        b"GIF89a",
        b"<?xml version='1.0'?>",
        b"<svg",
        b'<?xml version="1.0" encoding="fnord"?><svg/>',
        b'<?xml version="1.0" encoding="punycode"?><svg/>',
        b'<?xml version="1.0" encoding="zip"?><svg/>',
    ],
)
def test_other_bytes_are_no_svg(data: bytes) -> None:
    assert read_root(data) is None


def test_a_file_in_an_encoding_that_all_read_stays_as_it_is() -> None:
    for data in (images.svg_logo(), images.svg_logo().decode().encode("utf-16"), b"", b"<?xml"):
        assert with_known_encoding(data) is data
    declared = '<?xml version="1.0" encoding="Shift_JIS"?>'
    text = f"<svg><text>日本</text></svg>{' ' * 99}"
    assert with_known_encoding((declared + text).encode("shift_jis")).decode().endswith(f"?>{text}")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!ENTITY a "x"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&amp;&#38;b;">',
        "".join(f"<!ENTITY a{number} ''>" for number in range(MAX_DECLARATIONS)),
        '<!ENTITY % p "x"><!-- %p; --><?p %p;?><!ELEMENT svg ANY>',
        '<!ENTITY e SYSTEM "http://127.0.0.1:9/"><!ENTITY % p SYSTEM "file:///etc/passwd">',
        f'<!ENTITY a "{"x" * 1000}"><!ENTITY b "{"&a;" * 100}">',
    ],
)
def test_entities_within_bounds_are_admitted(doctype: str) -> None:
    assert nominal_size(svg("&a;", before=f"<!DOCTYPE svg [{doctype}]>")) == (100, 100)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!ENTITY a "&a;">',
        '<!ENTITY a "&b;"><!ENTITY b "x">',
        '<!ENTITY a "&#38;b;">',
        '<!ENTITY % p "x"> %p; <!ENTITY a "x">',
        '%p; <!ENTITY a "x">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;',
        f'<!ENTITY a "{"x" * 50_000}"><!ENTITY b "{"&a;" * 10}"><!ENTITY c "{"&b;" * 10}">',
        "".join(f"<!ENTITY a{number} ''>" for number in range(MAX_DECLARATIONS + 1)),
        "<!ATTLIST g a CDATA #IMPLIED>" * (MAX_DECLARATIONS + 1),
    ],
    ids=["itself", "later", "reference", "parameter", "undeclared", "external", "nested", "many", "defaults"],
)
def test_declarations_beyond_bounds_are_refused_before_the_first_tag(doctype: str) -> None:
    with pytest.raises(ImageCorrupt):
        read_root(svg("", before=f"<!DOCTYPE svg [{doctype}]>"))


@pytest.mark.parametrize("bomb", [images.svg_entity_bomb(), images.svg_quadratic_bomb()])
def test_entity_bombs_are_refused_at_once(bomb: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ImageCorrupt):
        read_root(bomb)
    assert time.process_time() - began < 0.5


def test_defaults_of_attributes_that_every_element_would_have_are_refused() -> None:
    default = f'<!DOCTYPE svg [<!ATTLIST g a CDATA "{"x" * 10_000}">]>'
    assert nominal_size(svg("<g/>" * 1000, before=default)) == (100, 100)
    with pytest.raises(ImageCorrupt):
        read_root(svg("<g/>" * 10_000, before=default))
