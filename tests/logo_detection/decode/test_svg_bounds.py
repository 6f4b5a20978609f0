import base64
import gzip
import time

import pytest
from PIL import Image

from logo_detection.decode.svg_bounds import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_EMBEDDED_PIXELS,
    MAX_EMBEDDING_DEPTH,
    check_bounds,
    embedded_image,
)
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels
from tests import images
from tests.images import svg

# The size that a PNG says in its header, and no pixels.
HALF_PNG = images.png_bomb(MAX_EMBEDDED_PIXELS // 2000, 1000)


def embedding(*hrefs: str, element: str = "image", attribute: str = "xlink:href") -> bytes:
    return svg("".join(f'<{element} width="9" height="9" {attribute}="{href}"/>' for href in hrefs))


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def within_svgs(data: bytes, depth: int) -> bytes:
    for _ in range(depth):
        data = embedding(data_url(data, "image/svg+xml"))
    return data


def test_ordinary_files_are_admitted() -> None:
    check_bounds(images.svg_logo())
    check_bounds(images.svg_embedding(images.png()))
    check_bounds(svg("<g>" * (MAX_DEPTH - 1) + "</g>" * (MAX_DEPTH - 1)))
    check_bounds(svg("<g/>" * (MAX_ELEMENTS - 1)))


@pytest.mark.parametrize(
    "bomb",
    [
        images.svg_entity_bomb(),
        images.svg_quadratic_bomb(),
        images.svg_nested(100_000),
        images.svg_nested(MAX_DEPTH),
        svg("<g/>" * MAX_ELEMENTS),
        svg("&a;" * 5, before=f"<!DOCTYPE svg [<!ENTITY a '{'<g/>' * (MAX_ELEMENTS // 5)}'>]>"),
        within_svgs(svg("<g/>" * MAX_ELEMENTS), 1),
        within_svgs(images.svg_logo(), MAX_EMBEDDING_DEPTH + 1),
        embedding(data_url(gzip.compress(images.svg_nested(MAX_DEPTH)), "image/svg+xml")),
        images.svg_logo()[:-8],
        images.svg_logo() + b"junk",
    ],
    ids=["laughs", "quadratic", "nested", "too-deep", "elements", "entities", "within", "within-within",
         "zipped", "truncated", "trailing"],
)  # fmt: skip
def test_bombs_and_broken_markup_are_corrupt_within_a_second(bomb: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ImageCorrupt):
        check_bounds(bomb)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "data",
    [
        images.svg_embedding(images.png_bomb()),
        images.svg_embedding(images.png_bomb(20_000, 20_000), "jpeg"),
        images.svg_embedding(images.webp_bomb(), "webp"),
        embedding(data_url(images.png_bomb(), "")),
        embedding(data_url(images.png_bomb(), "text/plain")),
        embedding(data_url(images.png_bomb()).rstrip("=")),
        embedding(data_url(images.png_bomb()).replace("AAA", "A%0AAA")),
        embedding(data_url(images.png_bomb()).replace("data:", "&#9;DATA:").replace("base64", " BASE64 ")),
        embedding(data_url(images.png_bomb()), attribute="href"),
        embedding(data_url(images.png_bomb()), element="feImage"),
        f'<!DOCTYPE svg [<!ENTITY a "{data_url(images.png_bomb())}">]>'.encode() + embedding("&a;"),
        within_svgs(images.svg_embedding(images.png_bomb()), MAX_EMBEDDING_DEPTH),
        embedding(data_url(gzip.compress(images.svg_embedding(images.png_bomb())), "image/svg+xml")),
        embedding(*(data_url(HALF_PNG + bytes(copy)) for copy in range(5))),
    ],
    ids=["png", "as-jpeg", "webp", "no-type", "text", "unpadded", "lines", "case", "href", "filter",
         "entity", "within", "zipped", "together"],
)  # fmt: skip
def test_images_of_too_many_pixels_are_refused_by_their_headers(data: bytes) -> None:
    with pytest.raises(ImageTooManyPixels):
        check_bounds(data)


def test_the_same_image_counts_once() -> None:
    check_bounds(embedding(*[data_url(HALF_PNG)] * 5))


def test_what_is_no_image_is_left_to_the_renderer_which_draws_nothing() -> None:
    tiff = images.tiff(Image.new("RGB", (8, 8)))
    check_bounds(embedding(data_url(tiff), data_url(b""), "data:image/png;base64,é", "data:", "#id", ""))
    check_bounds(
        embedding("a.png", "http://127.0.0.1:9/a.png", "data:image/png;base64,A", "data:image/png,a")
    )


def test_bytes_of_data_urls() -> None:
    assert embedded_image("data:,a%20b") == b"a b"
    assert embedded_image(" DATA:image/png; Base64 ,QUJD") == b"ABC"
    assert embedded_image("data:;base64,QU%0AI\n") == b"AB"
    assert embedded_image("data:;base64,QUI=") == embedded_image("data:;base64,QUI") == b"AB"
    assert embedded_image("data:;base64,QUJDA") is None
    assert embedded_image("a.png") is embedded_image("#a") is embedded_image("data:nothing") is None
