"""Whether ImageMagick, by which Commons makes its thumbnails, draws what is scored."""

import pytest

from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from tests.raster_kinds import every_raster
from tests.references import UNLIKE, raster_reference
from tests.soak import report

pytestmark = pytest.mark.soak

TOLERANCE = 12  # levels of 255, on average

# Where ImageMagick 6.9.11 draws another picture than the format's specification has, and browsers draw.
ANOTHER_PICTURE = {
    "png-rgb-8-key-of-more-bits": "it ignores a key with bits beyond the depth, which libpng masks",
    "bmp-1-header-64": "it takes OS/2's second header to have a palette of three bytes an entry",
    "bmp-4-header-64": "likewise",
    "bmp-8-header-64": "likewise",
    "bmp-1-header-16": "it reads no header of 16 bytes",
    "bmp-4-header-16": "likewise",
    "bmp-8-header-16": "likewise",
    "bmp-24-header-16": "likewise",
    "bmp-5551-header-108": "its alpha of one bit is another",
    "bmp-5551-header-124": "likewise",
    "bmp-1010102-header-108": "likewise, of two bits",
    "bmp-1010102-header-124": "likewise",
    "tiff-white-is-0-2-ii": "it does not invert 2, 4 and 12 bits",
    "tiff-white-is-0-2-mm": "likewise",
    "tiff-white-is-0-4-ii": "likewise",
    "tiff-white-is-0-4-mm": "likewise",
    "tiff-white-is-0-12-ii": "likewise",
    "tiff-white-is-0-12-mm": "likewise",
    "tiff-ycbcr-4-2-0": "it draws no such picture of uncompressed subsampled chroma; libvips does",
}


def test_imagemagick_draws_what_is_scored() -> None:
    differences: dict[str, float] = {}
    for name, raster in every_raster().items():
        ours = load_image(raster.data, ImageSpec())
        theirs = raster_reference(raster.data, name.partition("-")[0])
        differences[name] = UNLIKE if theirs is None else round(float(abs(ours - theirs).mean()), 2)
    agreeing = [value for name, value in differences.items() if name not in ANOTHER_PICTURE]
    report.write(
        "references",
        {"differences": differences},
        [{"files": len(differences), "agree": len(agreeing), "most levels apart": max(agreeing)}],
    )
    assert {name for name, value in differences.items() if value > TOLERANCE} == set(ANOTHER_PICTURE)
