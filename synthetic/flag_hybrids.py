"""Flag hybrids: a new flag out of two, and one flag in other colours."""

from PIL import Image, ImageDraw

from synthetic.stateless_random import Rng


def recombine(rng: Rng, first: Image.Image, second: Image.Image) -> Image.Image:
    """A new flag out of two (RGB, any size), at the size of the first."""
    first = first.convert("RGB")
    second = second.convert("RGB").resize(first.size, Image.Resampling.LANCZOS)
    form = rng.choice(("canton", "halves", "halves", "triangle", "middle", "middle", "hue", "hue", "mirror"))
    picture = first.copy()
    if form == "canton":
        wide, high = round(first.width * rng.uniform(0.35, 0.5)), round(first.height * rng.uniform(0.4, 0.55))
        part = second.resize((wide, high)) if rng.random() < 0.6 else second.crop((0, 0, wide, high))
        picture.paste(part, (0, 0))
    elif form == "mirror":
        flips = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM)
        picture = picture.transpose(rng.choice(flips))
    elif form != "hue":
        picture.paste(second, mask=seam(rng, form, first.size))
    return tinted(rng, picture) if form == "hue" or rng.random() < 0.2 else picture


def seam(rng: Rng, form: str, size: tuple[int, int]) -> Image.Image:
    """Where the second flag lies on the first, L: a half, a triangle at the pole, the middle."""
    wide, high = 2 * size[0], 2 * size[1]
    mask = Image.new("L", (wide, high))
    draw = ImageDraw.Draw(mask)
    if form == "halves":
        halves = (
            [(0, 0), (wide / 2, 0), (wide / 2, high), (0, high)],
            [(0, 0), (wide, 0), (wide, high / 2), (0, high / 2)],
            [(0, 0), (wide, 0), (0, high)],
        )
        draw.polygon(rng.choice(halves), 255)
    elif form == "triangle":
        draw.polygon([(0, 0), (wide * rng.uniform(0.3, 0.5), high / 2), (0, high)], 255)
    else:
        half = min(wide, high) * rng.uniform(0.22, 0.38)
        box = (wide / 2 - half, high / 2 - half, wide / 2 + half, high / 2 + half)
        (draw.ellipse if rng.random() < 0.6 else draw.rectangle)(box, 255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def tinted(rng: Rng, picture: Image.Image) -> Image.Image:
    """The picture with its channels in another order, or its hues turned; white, grey and black stay."""
    if rng.random() < 0.5:
        channels = list(picture.split())
        rng.shuffle(channels)
        return Image.merge("RGB", channels)
    hue, saturation, value = picture.convert("HSV").split()
    turn = rng.randint(20, 236)
    turned = hue.point(lambda level: (level + turn) % 256)
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")
