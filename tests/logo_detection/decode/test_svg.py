import base64
import io
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logo_detection.decode.svg import MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, nominal_size
from logo_detection.decode.svg_renderer import render
from logo_detection.errors import ImageCorrupt, ItemError
from tests import images
from tests.images import svg

RED, GREEN, BARE = (255, 0, 0, 255), (0, 128, 0, 255), (0, 0, 0, 0)
PIECES = [b"<", b">", b'"', b"&", b"1e9", b"-", b"</g>", b"\xff", b"%", b"#", b"", b"NaN"]
FULL = '<rect width="100%" height="100%" fill="red"/>'


def admit_nothing(_: bytes) -> str | None:
    return None


def rendered(data: bytes, width: int = 64, height: int = 64) -> Image.Image:
    return Image.open(io.BytesIO(render(data, width, height, admit_nothing)))


def middle(data: bytes) -> tuple[int, ...]:
    pixel = rendered(data).getpixel((32, 32))
    assert isinstance(pixel, tuple)
    return pixel


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
    assert nominal_size(svg(FULL, attributes)) == pytest.approx(size)
    assert middle(svg(FULL, attributes)) == RED


@pytest.mark.parametrize(
    "data",
    [
        images.svg_logo(),
        b"\xef\xbb\xbf" + images.svg_logo(),
        b"\n\t  <!-- a -->\n" + svg(FULL),
        b'<?xml version="1.0" encoding="ISO-8859-1"?><!-- \xe9 -->' + svg(FULL),
        b'<?xml version="1.0" encoding="windows-1252"?><!-- \x80 -->' + svg(FULL),
        images.svg_logo().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        b"\xfe\xff" + images.svg_logo().decode().replace("UTF-8", "UTF-16").encode("utf-16-be"),
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:9/svg11.dtd">' + svg(FULL),
        b'<?xml-stylesheet href="file:///etc/passwd"?>' + svg(FULL),
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:rect width="99" height="99"/></s:svg>',
        b'<svg width="20" height="20"><rect width="20" height="20"/></svg>',
    ],
)
def test_svg_is_recognised_and_rendered_however_it_is_written(data: bytes) -> None:
    assert nominal_size(data) is not None
    assert rendered(data).getextrema() != ((0, 0),) * 4


@pytest.mark.parametrize(
    "data", [b"", b"<", b"<!-- svg", b"<html/>", b"GIF89a", b"<?xml version='1.0'?>", b"<svg"]
)
def test_other_bytes_are_no_svg(data: bytes) -> None:
    assert nominal_size(data) is None


def test_rendering_has_exactly_the_size_asked_for() -> None:
    assert rendered(images.svg_logo(), 70, 30).size == (70, 30)
    extreme = rendered(svg(FULL, 'width="1e9" height="0.001"'), 70, 30)
    assert extreme.getcolors() == [(70 * 30, RED)]


def test_squashing_while_rendering_equals_squashing_a_large_rendering() -> None:
    wide = svg(
        '<rect width="400" height="50" fill="navy"/><circle cx="90" cy="25" r="20" fill="gold"/>'
        '<path d="M200 5 L390 45 L300 10 Z" fill="white" stroke="red" stroke-width="3"/>',
        'width="400" height="50"',
    )
    large = rendered(wide, 3200, 400).resize((100, 100), Image.Resampling.BOX)
    ours = rendered(wide, 800, 800).resize((100, 100), Image.Resampling.BOX)
    assert np.abs(np.asarray(large, np.float32) - np.asarray(ours, np.float32)).mean() < 0.5


def test_letterbox_of_a_view_box_of_another_shape_stays() -> None:
    image = rendered(svg(FULL.replace("100%", "10"), 'width="200" height="100" viewBox="0 0 10 10"'), 40, 40)
    assert [image.getpixel((x, 20)) for x in (4, 20, 36)] == [BARE, RED, BARE]


def test_physical_units_in_the_drawing_have_their_size() -> None:
    assert middle(svg('<rect width="1in" height="25.4mm" fill="red"/>', 'width="96" height="96"')) == RED


@pytest.mark.parametrize(
    "family", ["", 'font-family="Arial"', 'font-family="Nobody Has This, serif"', 'font-family="cursive"']
)
def test_text_is_not_blank(family: str) -> None:
    image = rendered(svg(f'<text y="80" font-size="90" {family}>W</text>'))
    assert image.getchannel("A").getextrema() != (0, 0)


def test_transparent_where_bare() -> None:
    assert rendered(svg('<circle cx="50" cy="50" r="20"/>')).getpixel((0, 0)) == BARE


def test_styles_gradients_and_uses_survive() -> None:
    data = svg(
        '<style type="text/css"><![CDATA[ .a > rect { fill: url(#g) } ]]></style>'
        '<defs><linearGradient id="g"><stop stop-color="green"/></linearGradient>'
        '<g id="r" class="a"><rect width="100" height="100"/></g></defs><use xlink:href="#r"/>'
    )
    assert middle(data) == GREEN


def test_flat_entities_of_illustrator_work() -> None:
    before = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" ['
        '<!ENTITY ns_svg "http://www.w3.org/2000/svg"><!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/">'
        '<!ENTITY st0 "fill:green;stroke:none;"><!ATTLIST svg xmlns:x CDATA #FIXED "&ns_ai;">]>'
    )
    data = (
        f'{before}<svg xmlns="&ns_svg;" xmlns:i="&ns_ai;" i:viewOrigin="0 0" width="10" height="10">'
        '<switch><foreignObject requiredExtensions="&ns_ai;" width="1" height="1"><i:pgfRef/></foreignObject>'
        '<g i:extraneous="self"><rect style="&st0;" width="10" height="10"/></g></switch>'
        "<i:pgf><![CDATA[megabytes]]></i:pgf></svg>"
    ).encode()
    assert middle(data) == GREEN


def test_foreign_elements_go_with_their_contents() -> None:
    assert middle(svg(f'<x:g xmlns:x="http://example.org/">{FULL}</x:g>')) == BARE
    assert middle(svg(f"<foreignObject>{FULL}</foreignObject><script>{FULL}</script>")) == BARE


def test_local_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    (tmp_path / "secret.svg").write_bytes(svg(f'<g id="r">{FULL}</g>'))
    monkeypatch.chdir(tmp_path)
    paths = [
        "secret.png",
        "./secret.png",
        f"{tmp_path}/secret.png",
        f"file://{tmp_path}/secret.png",
        " secret.png",
    ]
    for path in (*paths, os.path.relpath(tmp_path / "secret.png", Path(__file__).parent), "secret.svg#r"):
        for attribute in ("href", "xlink:href"):
            whole = 'width="100" height="100"'
            assert middle(svg(f'<image {whole} {attribute}="{path}"/>')) == BARE
            assert middle(svg(f'<use {attribute}="{path}"/>')) == BARE
            filtered = (
                f'<filter id="f"><feImage {attribute}="{path}"/></filter><rect {whole} filter="url(#f)"/>'
            )
            assert middle(svg(filtered)) != RED
    for entity in ("ENTITY e", "ENTITY % e"):
        before = f'<!DOCTYPE svg [<!{entity} SYSTEM "file://{tmp_path}/secret.svg">]>'
        assert middle(svg("&e;" if "%" not in entity else "", before=before)) == BARE


def test_urls_that_are_no_fragment_are_dropped() -> None:
    """The renderer leaves out what names a filter or mask that is not there; so a green pixel had none."""
    outside = "URL( 'http://127.0.0.1:9/a.svg#f' )"
    for attributes in (f'filter="{outside}"', f'style="mask:{outside};fill:green"', 'class="a"'):
        rect = f'<rect width="100" height="100" fill="green" {attributes}/>'
        assert middle(svg(f"<style>.a {{ clip-path: {outside} }}</style>{rect}")) == GREEN
    assert middle(svg('<rect width="100" height="100" fill="green" filter="url(#missing)"/>')) == BARE


def test_embedded_image_is_shown_only_if_admitted() -> None:
    asked: list[bytes] = []

    def admit(data: bytes) -> str | None:
        asked.append(data)
        return "png"

    png = images.png(Image.new("RGB", (8, 8), "red"))
    data = images.svg_embedding(png)
    assert Image.open(io.BytesIO(render(data, 9, 9, admit))).getpixel((4, 4)) == RED
    assert asked == [png]
    assert middle(data) == BARE


@pytest.mark.parametrize(
    "href",
    [
        "data:image/svg+xml;base64," + base64.b64encode(svg(FULL)).decode(),
        "data:text/plain;base64," + base64.b64encode(images.png(Image.new("RGB", (8, 8), "red"))).decode(),
        "data:image/png;base64,A",
        "data:image/png;base64,é",
        "data:image/png,raw",
        "http://127.0.0.1:9/a.png",
        "",
    ],
)
def test_other_references_are_not_even_asked_about(href: str) -> None:
    def admit(_: bytes) -> str | None:
        raise AssertionError

    data = svg(f'<image width="100" height="100" href="{href}"/>')
    assert Image.open(io.BytesIO(render(data, 9, 9, admit))).getpixel((4, 4)) == BARE


@pytest.mark.parametrize(
    "bomb",
    [
        images.svg_entity_bomb(),
        images.svg_quadratic_bomb(),
        images.svg_nested(100_000),
        images.svg_nested(MAX_DEPTH + 1),
        svg("<g/>" * (MAX_ELEMENTS + 1)),
        svg("<g " + " ".join(f'a{i}=""' for i in range(MAX_ATTRIBUTES + 1)) + "/>"),
        svg("", before="<!DOCTYPE svg [" + "".join(f'<!ENTITY e{i} "a">' for i in range(5000)) + "]>"),
        svg("", before=f"<!DOCTYPE svg [{'<!ATTLIST g a CDATA #IMPLIED>' * 5000}]>"),
    ],
    ids=["laughs", "quadratic", "nested", "too-deep", "elements", "attributes", "entities", "attlists"],
)
def test_bombs_are_corrupt_within_a_second_and_do_not_kill(bomb: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ImageCorrupt):
        render(bomb, 64, 64, admit_nothing)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("before_the_root", [images.svg_entity_bomb(), images.svg_quadratic_bomb()])
def test_gate_refuses_an_entity_bomb_before_its_first_tag(before_the_root: bytes) -> None:
    with pytest.raises(ImageCorrupt):
        nominal_size(before_the_root)


def test_attribute_defaults_of_the_doctype_are_not_multiplied() -> None:
    before = f'<!DOCTYPE svg [<!ATTLIST g a CDATA "{"x" * 100_000}">]>'
    began = time.process_time()
    assert middle(svg("<g/>" * 20_000 + FULL, before=before)) == RED
    assert time.process_time() - began < 3


def test_deepest_legal_nesting_of_groups_and_uses_renders() -> None:
    deep = MAX_DEPTH - 2
    assert middle(svg('<g opacity="0.99">' * deep + FULL + "</g>" * deep))[0] > 0
    chain = "".join(f'<g id="u{i}"><use xlink:href="#u{i - 1}"/></g>' for i in range(1, 250))
    assert middle(svg(f'<defs><g id="u0">{FULL}</g>{chain}</defs><use xlink:href="#u249"/>')) == RED


def test_endless_uses_end() -> None:
    levels = "".join(f'<g id="a{i}">' + f'<use xlink:href="#a{i - 1}"/>' * 10 + "</g>" for i in range(1, 10))
    with pytest.raises(ImageCorrupt):
        rendered(svg(f'<defs><g id="a0">{FULL}</g>{levels}</defs><use xlink:href="#a9"/>'))
    assert middle(svg(f'<g id="a"><use xlink:href="#a"/>{FULL}</g>')) == RED


def test_a_panic_of_the_renderer_is_corrupt() -> None:
    with pytest.raises(ImageCorrupt):
        rendered(svg('<path d="M0 0 L 1e30 1e30" stroke="black" stroke-width="1e30"/>'), 448, 448)


def test_truncated_markup_is_corrupt() -> None:
    data = images.svg_logo()
    assert nominal_size(data[:-8]) is not None
    with pytest.raises(ImageCorrupt):
        rendered(data[:-8])


@given(data=st.data())
@settings(max_examples=150, deadline=3000)
def test_any_mutation_renders_or_is_an_item_error(data: st.DataObject) -> None:
    body = FULL.encode() + b'<g opacity=".5"><text y="9">a&amp;b</text></g></svg>'
    mutated = bytearray(images.svg_embedding(images.png()).replace(b"</svg>", body))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(PIECES))
    with suppress(ItemError):
        assert rendered(bytes(mutated), 16, 16).size == (16, 16)
