"""Degradation: a clean picture becomes one as people upload it: padded, cropped, shrunk, recompressed.

In the sources, all logos are clean vector drawings and nearly everything else is a JPEG: a model could tell
the classes apart by their files. All classes therefore get the same sizes, codecs and defects
(`encode_degraded`), and logos get other backgrounds than white.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps, ImageStat

from synthetic import plain
from synthetic.documents import scan
from synthetic.shapes import blob, smooth
from synthetic.stateless_random import Colour, Rng, colour

RECODINGS = ("png", "jpeg")
FORMS = ("logo", "photo", "drawn")  # kinds of degradation
LIGHT = 200  # mean luminance, 0..255, from which a drawing needs a dark background


def degrade(rng: Rng, picture: Image.Image, form: str) -> Image.Image:
    """Degrade a picture (RGB or RGBA) in one of FORMS; RGB."""
    if form == "logo":
        return degrade_logo(rng, picture.convert("RGBA"))
    flat = flatten(picture) if picture.mode == "RGBA" else picture
    return degrade_photo(rng, flat) if form == "photo" else degrade_drawing(rng, flat)


def background_for(rng: Rng, drawing: Image.Image) -> Colour:
    """A plain colour against which a drawing (RGBA) can be seen."""
    if is_light(drawing):
        return rng.choice(((0, 0, 0), (24, 24, 27), colour(rng, (0.3, 1), (0.1, 0.5))))
    return (255, 255, 255) if rng.random() < 0.6 else colour_apart_from(rng, drawing)


def is_light(drawing: Image.Image) -> bool:
    """Whether it would vanish on white. Half-transparent parts count by their opacity."""
    alpha = drawing.getchannel("A")
    if alpha.getbbox() is None:
        return False
    weights = np.asarray(alpha, np.float32)
    return float(np.average(np.asarray(drawing.convert("L")), weights=weights)) > LIGHT


def colour_apart_from(rng: Rng, drawing: Image.Image) -> Colour:
    """A colour at a distance from a drawing's mean colour."""
    mean = ImageStat.Stat(drawing.convert("RGB"), drawing.getchannel("A")).mean
    while True:
        candidate = colour(rng)
        if sum(abs(a - b) for a, b in zip(candidate, mean, strict=True)) > 200:
            return candidate


def degrade_logo(rng: Rng, drawing: Image.Image) -> Image.Image:
    """Put a logo (RGBA, any size) on a page as people upload it; RGB."""
    if rng.random() < 0.2 and not _is_opaque(drawing):
        drawing = silhouette(drawing, (0, 0, 0) if rng.random() < 0.5 else colour(rng, (0.3, 1), (0.1, 0.9)))
    if rng.random() < 0.08:
        drawing = drawing.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    background = background_for(rng, drawing)
    width, height = _page_size(rng, drawing.size)
    if rng.random() < 0.06 and not is_light(drawing):
        page = ImageOps.fit(rng.choice((plain.gradient, plain.clouds))(rng), (width, height))
        page = Image.blend(page, Image.new("RGB", page.size, background), rng.uniform(0.3, 0.8))
    else:
        page = Image.new("RGB", (width, height), background)
    left = (width - drawing.width) // 2 + round(rng.uniform(-0.3, 0.3) * (width - drawing.width))
    top = (height - drawing.height) // 2 + round(rng.uniform(-0.3, 0.3) * (height - drawing.height))
    page.paste(drawing, (left, top), drawing)
    if rng.random() < 0.1:
        page = crop(rng, page, 0.8)
    return scan(rng, page) if rng.random() < 0.06 else page


def _is_opaque(drawing: Image.Image) -> bool:
    return ImageStat.Stat(drawing.getchannel("A")).mean[0] > 215


def _page_size(rng: Rng, size: tuple[int, int]) -> tuple[int, int]:
    """The page around a drawing: tight, padded, square or of another aspect."""
    width, height = size
    form = rng.random()
    if form < 0.35:
        return width, height
    margin = 1 + rng.choice((0.05, 0.1, 0.2, 0.5, 1.0, 1.8)) * rng.random()
    if form < 0.65:
        return round(width * margin), round(height * margin)
    if form < 0.85:
        side = round(max(width, height) * margin)
        return side, side
    aspect = rng.uniform(0.6, 1.9)
    high = max(height, width / aspect) * margin
    return round(high * aspect), round(high)


def silhouette(drawing: Image.Image, ink: Colour) -> Image.Image:
    """The drawing in one colour."""
    flat = Image.new("RGBA", drawing.size, ink)
    flat.putalpha(drawing.getchannel("A"))
    return flat


def degrade_photo(rng: Rng, photo: Image.Image) -> Image.Image:
    """Degrade a photo (RGB): crop it, cut it out, frame it or make it grey; RGB."""
    form = rng.random()
    if form < 0.5:
        photo = crop(rng, photo, 0.5)
    elif form < 0.6:
        photo = cut_out(rng, photo)
    if rng.random() < 0.06:
        photo = ImageOps.grayscale(photo).convert("RGB")
    if rng.random() < 0.05:
        margin = round(rng.uniform(0.02, 0.25) * min(photo.size))
        photo = ImageOps.expand(photo, margin, rng.choice(((255, 255, 255), (0, 0, 0), colour(rng))))
    return photo


def degrade_drawing(rng: Rng, picture: Image.Image) -> Image.Image:
    """Degrade any other picture (RGB): crop, pad or scan it, or leave it; RGB."""
    form = rng.random()
    if form < 0.2:
        picture = crop(rng, picture, 0.6)
    elif form < 0.4:
        margin = round(rng.uniform(0.02, 0.3) * min(picture.size))
        picture = ImageOps.expand(
            picture, margin, rng.choice(((255, 255, 255), (255, 255, 255), (0, 0, 0), colour(rng)))
        )
    return scan(rng, picture) if rng.random() < 0.06 else picture


def crop(rng: Rng, picture: Image.Image, least: float) -> Image.Image:
    """A part of at least `least` of each side."""
    width, height = (max(8, round(side * rng.uniform(least, 1))) for side in picture.size)
    left, top = rng.randint(0, max(0, picture.width - width)), rng.randint(0, max(0, picture.height - height))
    return picture.crop((left, top, left + width, top + height))


def cut_out(rng: Rng, photo: Image.Image) -> Image.Image:
    """A part of a photo on white, as pictures of objects are."""
    mask = Image.new("L", (2 * photo.width, 2 * photo.height))
    reach = min(photo.size) * rng.uniform(0.5, 0.9)
    ImageDraw.Draw(mask).polygon(blob(rng, (photo.width, photo.height), reach, 0.3), fill=255)
    page = Image.new("RGB", photo.size, (255, 255, 255))
    page.paste(photo, mask=smooth(mask))
    return page


def encode_degraded(rng: Rng, picture: Image.Image) -> bytes:
    """A file of some size, with some defect, in some codec. Every class goes through here."""
    longest = round(110 * (900 / 110) ** rng.random())
    scale = longest / max(picture.size)
    if scale < 1 or rng.random() < 0.3:
        filters = (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
        size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
        picture = picture.resize(size, rng.choice(filters))
    defect = rng.random()
    if defect < 0.08:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6)))
    elif defect < 0.13:
        picture = add_noise(rng, picture)
    elif defect < 0.18:
        picture = picture.quantize(rng.choice((8, 16, 64, 256))).convert("RGB")
    if rng.random() < 0.12:
        picture = Image.open(io.BytesIO(encode_image(picture, "JPEG", quality=rng.randint(20, 90)))).convert(
            "RGB"
        )
    codec = rng.random()
    if codec < 0.5:
        return encode_image(picture, "PNG", compress_level=1)
    if codec < 0.95:
        return encode_image(picture, "JPEG", quality=rng.randint(30, 96), subsampling=rng.choice((0, 2)))
    return encode_image(picture, "WEBP", quality=rng.randint(40, 95), method=0)


def add_noise(rng: Rng, picture: Image.Image) -> Image.Image:
    """Add noise like a sensor's."""
    shift = np.random.default_rng(rng.getrandbits(64)).normal(
        0, rng.uniform(1, 8), (picture.height, picture.width, 3)
    )
    return Image.fromarray(np.clip(np.asarray(picture, np.float32) + shift, 0, 255).astype(np.uint8))


def flatten(drawing: Image.Image) -> Image.Image:
    """Put a drawing (RGBA) on white, or on near-black if it would vanish: how logos are evaluated; RGB."""
    page = Image.new("RGB", drawing.size, (20, 20, 20) if is_light(drawing) else (255, 255, 255))
    page.paste(drawing, mask=drawing)
    return page


def recode(picture: Image.Image) -> dict[str, bytes]:
    """The same picture as PNG, and as JPEG of quality 75: a score must not depend on which it is."""
    files = encode_image(picture, "PNG", compress_level=1), encode_image(picture, "JPEG", quality=75)
    return dict(zip(RECODINGS, files, strict=True))


def encode_image(picture: Image.Image, codec: str, **options: object) -> bytes:
    """The file that Pillow writes."""
    buffer = io.BytesIO()
    picture.save(buffer, codec, **options)
    return buffer.getvalue()
