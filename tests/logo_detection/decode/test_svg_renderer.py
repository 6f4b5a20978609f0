"""Pictures that SVGs give, and what no SVG may make a renderer do: read files, connect, keep memory.

The expected pictures are painted by Pillow from the rectangles that each file should show, so that they do
not lean on a renderer. `tests.references` compares the same files with MediaWiki's, rsvg-convert.
"""

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from logo_detection.decode.svg_renderer import MAX_LONG_SIDE, MAX_SIDE, RGBA, render
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ImageUnsupported, ItemError
from tests import images
from tests.images import svg
from tests.references import CLOSE, differences
from tests.svgs import DRAWINGS, Drawing

RED, GREEN, BARE = [255, 0, 0, 255], [0, 128, 0, 255], [0, 0, 0, 0]
FULL = '<rect width="100%" height="100%" fill="red"/>'
PIECES = [b"<", b">", b'"', b"&", b"1e9", b"-", b"</g>", b"\xff", b"%", b"#", b"", b"NaN"]


def no_png(_: bytes) -> bytes:
    raise ImageUnsupported


def rendered(data: bytes, width: int = 64, height: int = 64) -> RGBA:
    return render(data, width, height, no_png)


def middle(data: bytes) -> list[int]:
    picture = rendered(data)
    pixel: list[int] = picture[picture.shape[0] // 2, picture.shape[1] // 2].tolist()
    return pixel


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_gives_its_picture(name: str) -> None:
    drawing = DRAWINGS[name]
    difference = np.abs(load_image(drawing.data, ImageSpec()) - drawing.picture()).mean()
    assert difference < 1


def test_a_wrong_picture_would_be_noticed() -> None:
    """The other tests' bound is far below what a missing or black mark makes."""
    red, black = DRAWINGS["rgb with spaces"], Drawing(b"", (((10, 20, 70, 60), (0, 0, 0)),))
    assert np.abs(red.picture() - black.picture()).mean() > 15


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ('width="100" height="100"', (64, 64)),
        ('width="200" height="100"', (64, 128)),
        ('width="100" height="400"', (256, 64)),
        ('width="1e9" height="5e8"', (64, 128)),
        ('width="1" height="1"', (64, 64)),
        ('width="100000" height="100"', (MAX_SIDE // 1000, MAX_SIDE)),
        ('width="10000" height="1"', (1, 10_000)),
        ('width="10em" height="5em"', (64, 128)),
        ('style="width:30in;height:15in" viewBox="0 0 2 1"', (64, 128)),
    ],
)
def test_a_picture_has_its_own_aspect_and_at_least_the_size_asked_for(
    attributes: str, shape: tuple[int, int]
) -> None:
    picture = rendered(svg(FULL, attributes))
    assert picture.shape == (*shape, 4)
    assert picture[0, 0].tolist() == picture[-1, -1].tolist() == RED


@pytest.mark.parametrize(
    "attributes",
    [
        'width="0" height="0"',
        'width="0.001" height="100"',
        f'width="{MAX_LONG_SIDE + 10}" height="1"',
        'width="1e30" height="1e30"',
        'viewBox="0 0 1e30 5e29"',
        "",
    ],
)
def test_a_file_without_a_size_that_can_be_drawn_is_corrupt(attributes: str) -> None:
    with pytest.raises(ImageCorrupt):
        rendered(svg("", attributes))


def test_shrinking_the_picture_equals_shrinking_a_large_one() -> None:
    wide = svg(
        '<rect width="400" height="50" fill="navy"/><circle cx="90" cy="25" r="20" fill="gold"/>'
        '<path d="M200 5 L390 45 L300 10 Z" fill="white" stroke="red" stroke-width="3"/>',
        'width="400" height="50"',
    )
    box = Image.Resampling.BOX
    large = Image.fromarray(rendered(wide, 1600, 200)).convert("RGB").resize((100, 100), box)
    ours = Image.fromarray(rendered(wide, 150, 150)).convert("RGB").resize((100, 100), box)
    assert np.abs(np.asarray(large, np.float32) - np.asarray(ours, np.float32)).mean() < 1


@pytest.mark.parametrize(
    "family", ["", 'font-family="Arial"', 'font-family="Nobody Has This, serif"', 'font-family="cursive"']
)
def test_text_is_not_blank(family: str) -> None:
    text = rendered(svg(f'<text y="80" font-size="90" {family}>W</text>'))
    assert text[..., 3].max() == 255
    assert 0.05 < (text[..., 3] > 0).mean() < 0.8


def test_text_of_two_lines_stands_where_it_is_put() -> None:
    text = rendered(
        svg(
            '<text font-size="20" font-family="sans-serif" fill="red"><tspan x="5" y="20">Wiki</tspan>'
            '<tspan x="5" y="90" font-weight="bold">Commons</tspan></text>'
        )
    )
    rows = text[..., 3].max(1) > 0
    assert rows[:14].any()
    assert not rows[20:40].any()
    assert rows[45:58].any()
    assert text[..., :3].reshape(-1, 3).max(0).tolist() == [255, 0, 0]


def test_text_in_other_scripts_is_drawn() -> None:
    """Greek and Cyrillic are in DejaVu, which every installation has."""
    pictures = [rendered(svg(f'<text y="80" font-size="80">{text}</text>')).tobytes() for text in "WЖΩ "]
    assert len(set(pictures)) == len(pictures)


TEXT_WITHOUT_CONFIGURATION = """
from logo_detection.decode.svg_renderer import render
from tests.images import svg
print(render(svg('<text y="80" font-size="80" font-family="Arial">W</text>'), 64, 64, bytes)[..., 3].max())
"""


def test_text_is_drawn_where_fontconfig_is_not_configured_and_there_is_no_home(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "HOME": str(tmp_path / "none"),
        "FONTCONFIG_PATH": str(tmp_path),
    }
    ran = subprocess.run(
        [sys.executable, "-c", TEXT_WITHOUT_CONFIGURATION],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert ran.stdout.strip() == "255"


def test_transparent_where_bare() -> None:
    assert rendered(svg('<circle cx="50" cy="50" r="20"/>'))[0, 0].tolist() == BARE


def outside_references(path: str) -> Iterator[bytes]:
    """Every way in which a document can name something outside it, drawn red if it were read."""
    whole = 'width="100" height="100"'
    for attribute in ("href", "xlink:href"):
        yield svg(f'<image {whole} {attribute}="{path}"/>')
        yield svg(f'<use {attribute}="{path}"/><use {attribute}="{path}#r"/>')
        yield svg(
            f'<filter id="f"><feImage {attribute}="{path}"/></filter><g><rect {whole} filter="url(#f)"/></g>'
        )
        yield svg(f'<linearGradient id="g" {attribute}="{path}#g"/><rect {whole} fill="url(#g) none"/>')
        yield svg(f'<pattern id="p" {attribute}="{path}#p"/><rect {whole} fill="url(#p) none"/>')
    yield svg(f'<rect {whole} style="fill:url({path}#g) none"/>')
    yield svg(f"<style>@import url('{path}'); @import '{path}';</style><rect class='c' {whole} fill='none'/>")
    yield svg(
        f"<style>@font-face {{ font-family: x; src: url({path}) }}</style><text font-family='x'> </text>"
    )
    yield svg(f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{path}"/>')
    yield svg(f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{path}" parse="text"/>')
    yield svg("", before=f'<?xml-stylesheet href="{path}" type="text/css"?>')
    yield svg("", before=f'<!DOCTYPE svg SYSTEM "{path}">')
    yield svg("&e;", before=f'<!DOCTYPE svg [<!ENTITY e SYSTEM "{path}">]>')
    yield svg("", before=f'<!DOCTYPE svg [<!ENTITY % e SYSTEM "{path}">]>')
    inner = svg(f'<image {whole} href="{path}"/>', 'width="100" height="100"')
    yield svg(f'<image {whole} href="data:image/svg+xml;base64,{base64.b64encode(inner).decode()}"/>')


def assert_nothing_red(data: bytes) -> None:
    with suppress(ItemError):
        picture = rendered(data)
        assert not ((picture[..., 0] > 128) & (picture[..., 1] < 64) & (picture[..., 3] > 0)).any(), data


def test_local_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (100, 100), "red").save(tmp_path / "secret.png")
    gradient = '<linearGradient id="g"><stop stop-color="red"/></linearGradient>'
    pattern = f'<pattern id="p" width="9" height="9">{FULL}</pattern>'
    (tmp_path / "secret.svg").write_bytes(svg(f'{gradient}{pattern}<g id="r">{FULL}</g>'))
    (tmp_path / "secret.css").write_text(".c{fill:red}svg{background:red}")
    monkeypatch.chdir(tmp_path)
    for name in ("secret.png", "secret.svg", "secret.css"):
        path = tmp_path / name
        spellings = [name, f"./{name}", str(path), f"file://{path}", f"file:{path}", f"FILE://localhost{path}",
                     f" {name}", os.path.relpath(path, Path(__file__).parent)]  # fmt: skip
        for spelling in spellings:
            for data in outside_references(spelling):
                assert_nothing_red(data)


def test_the_secret_would_be_seen() -> None:
    """The same references, when they name the bytes themselves."""
    png = "data:image/png;base64," + base64.b64encode(images.png(Image.new("RGB", (9, 9), "red"))).decode()
    first = next(outside_references(png))
    with pytest.raises(AssertionError):
        assert_nothing_red(first)


@contextmanager
def canary() -> Iterator[tuple[socket.socket, int]]:
    """A port at which nobody should knock."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        listening.settimeout(0.2)
        yield listening, listening.getsockname()[1]


def test_no_connection_is_opened() -> None:
    with canary() as (listening, port):
        for scheme in ("http:", "https:", "ftp:", ""):
            for data in outside_references(f"{scheme}//127.0.0.1:{port}/a.svg"):
                assert_nothing_red(data)
        with pytest.raises(TimeoutError):
            listening.accept()


def test_no_other_loader_is_in_reach(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.ppm").write_bytes(b"P6 1 1 255 abc")
    attempts: list[Callable[[], object]] = [
        lambda: pyvips.Image.new_from_buffer(images.png(), ""),
        lambda: pyvips.Image.pngload_buffer(images.png()),
        lambda: pyvips.Image.jpegload_buffer(images.jpeg()),
        lambda: pyvips.Image.new_from_file(str(tmp_path / "a.png")),
        lambda: pyvips.Image.new_from_file(str(tmp_path / "a.ppm")),
        lambda: pyvips.Image.black(1, 1).pngsave_buffer(),
    ]
    for attempt in attempts:
        with pytest.raises(pyvips.Error):
            attempt()
    assert pyvips.cache_get_max() == 0


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_images_that_libvips_has_no_decoder_for_are_asked_for_as_png(kind: str) -> None:
    asked: list[bytes] = []

    def to_png(data: bytes) -> bytes:
        asked.append(data)
        return images.png(Image.new("RGB", (8, 8), "red"))

    image = images.gif() if kind == "gif" else images.webp()
    data = images.svg_embedding(image, kind)
    assert render(data, 9, 9, to_png)[4, 4].tolist() == RED
    assert asked == [image]
    assert middle(data) == BARE


def test_an_svg_that_says_to_be_a_gif_is_not_drawn() -> None:
    assert load_image(images.svg_embedding(svg(FULL), "gif"), ImageSpec()).min() == 255


def test_what_is_no_image_inside_is_not_drawn() -> None:
    for data in (images.tiff(), b"", b"junk", images.png()[:60]):
        assert middle(images.svg_embedding(data)) == BARE


def test_an_image_inside_with_too_many_pixels_refuses_the_file() -> None:
    with pytest.raises(ImageTooManyPixels):
        rendered(images.svg_embedding(images.png_bomb()))


def test_markup_that_is_no_svg_after_all_is_corrupt() -> None:
    for data in (b"", b"<html/>", images.svg_logo()[:-8], svg('<g xmlns="relative">', "") + b"</g>"):
        with pytest.raises(ImageCorrupt):
            rendered(data)


def test_a_long_token_is_no_fault() -> None:
    assert middle(svg(f"<desc>{'a' * 11_000_000}</desc>{FULL}")) == RED
    assert middle(svg(f'<g class="{"a" * 11_000_000}">{FULL}</g>')) == RED


def test_deep_nesting_within_bounds_is_drawn() -> None:
    assert middle(svg("<g>" * 240 + FULL + "</g>" * 240)) == RED
    assert middle(svg('<g opacity="0.99">' * 120 + FULL + "</g>" * 120))[3] > 0
    chain = "".join(f'<g id="u{i}"><use xlink:href="#u{i - 1}"/></g>' for i in range(1, 100))
    assert middle(svg(f'<defs><g id="u0">{FULL}</g>{chain}</defs><use xlink:href="#u99"/>')) == RED


def test_a_use_of_itself_is_not_followed() -> None:
    assert middle(svg(f'<g id="a"><use xlink:href="#a"/></g>{FULL}')) == RED


MANY = """
import resource, sys
from pathlib import Path
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from tests import images
from tests.svgs import DRAWINGS

def private_bytes():
    fields = Path("/proc/self/smaps_rollup").read_text().split("Anonymous:")[1].split()
    return int(fields[0]) * 1024

text = images.svg('<text y="50" font-size="40">{}</text><g opacity=".5" filter="url(#f)"><rect/></g>')
files = [drawing.data for drawing in DRAWINGS.values()]
files += [images.svg_logo(), images.svg_embedding(images.png())]
files += [text.replace(b"{}", bytes([65 + letter])) for letter in range(26)]
files += [b"<svg", images.svg_logo()[:-9], images.svg_nested(300)]

def read(count):
    for index in range(count):
        try:
            load_image(files[index % len(files)], ImageSpec())
        except Exception as error:
            assert error.code == "image_unsupported" or error.code == "image_corrupt", error

read(300)
before = private_bytes()
read(1000)
print(private_bytes() - before)
"""


def test_memory_stays_flat_over_a_thousand_files() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MANY], capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 8 * 2**20  # 4 MB of it are the allocator's: 4,000 files leave no more


@given(data=st.data())
@settings(max_examples=150, deadline=3000)
def test_any_mutation_renders_or_is_an_item_error(data: st.DataObject) -> None:
    body = FULL.encode() + b'<g opacity=".5"><text y="9">a&amp;b</text></g></svg>'
    mutated = bytearray(images.svg_embedding(images.png()).replace(b"</svg>", body))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(PIECES))
    with suppress(ItemError):
        assert rendered(bytes(mutated), 16, 16).shape[2] == 4


@pytest.mark.soak
def test_drawings_are_as_rsvg_convert_draws_them() -> None:
    found = differences({name: drawing.data for name, drawing in DRAWINGS.items() if drawing.by_debian})
    assert len(found) >= 80
    assert {name: difference for name, difference in found.items() if difference > CLOSE} == {}


@pytest.mark.soak
def test_newer_drawings_are_not_shown_by_rsvg_convert_of_debian_12() -> None:
    """Else they belong to the others."""
    found = differences({name: drawing.data for name, drawing in DRAWINGS.items() if not drawing.by_debian})
    assert found
    assert min(found.values()) > CLOSE
