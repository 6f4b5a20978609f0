"""Lettering: made-up words, and the fonts to set them in."""

from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
from PIL import ImageDraw, ImageFont

from synthetic.stateless_random import Colour, Rng

SYLLABLES = (
    "ba", "be", "bi", "bo", "bra", "ca", "ce", "cho", "da", "de", "dis", "do", "du", "en", "er", "es",
    "fa", "fe", "fi", "for", "ga", "ge", "gra", "ha", "he", "hi", "il", "in", "ja", "ka", "ki", "la",
    "le", "li", "lo", "ma", "me", "mi", "mo", "mon", "na", "ne", "ni", "no", "nu", "o", "pa", "per",
    "pi", "po", "pre", "qua", "ra", "re", "ri", "ro", "sa", "se", "si", "so", "sta", "ta", "te", "ti",
    "to", "tra", "tu", "u", "va", "ve", "vi", "vo", "wa", "we", "wi", "za", "ze", "zu", "ing", "ion",
    "ment", "ness", "ed", "ly",
)  # fmt: skip
SCRIPTS = (
    "абвгдежзийклмнопрстуфхцчшщыэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
)
TEXT_FACES = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "DejaVuSansMono",
    "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic",
    "STIXGeneralBolIta", "cmr10", "cmb10", "cmss10", "cmtt10",
)  # fmt: skip
UPRIGHT = ("DejaVuSans", "DejaVuSans-Bold")
MONOSPACED = ("DejaVuSansMono", "DejaVuSansMono-Bold", "cmtt10")
WIDE_FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono")  # have the other scripts

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"

Font = ImageFont.FreeTypeFont


@lru_cache(maxsize=512)
def typeface(name: str, size: int) -> Font:
    """One of the fonts that come with matplotlib, `size` pixels high."""
    return ImageFont.truetype(FONTS / f"{name}.ttf", max(4, size))


def font(rng: Rng, size: int, names: tuple[str, ...] = TEXT_FACES) -> Font:
    """A random face."""
    return typeface(rng.choice(names), size)


def word(rng: Rng) -> str:
    """A made-up word in Latin letters."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((1, 1, 2, 2, 2, 3, 3, 4))))


def words(rng: Rng, count: int) -> str:
    """Some words, the first with a capital."""
    return " ".join(word(rng) for _ in range(count)).capitalize()


def number_text(rng: Rng) -> str:
    """A number as tables and labels have them."""
    value = rng.uniform(0, 10 ** rng.randint(1, 6))
    return rng.choice(
        (f"{value:.0f}", f"{value:.1f}", f"{value:,.0f}", f"{value:.2f}", f"{value % 100:.0f} %")
    )


def write_paragraph(
    draw: ImageDraw.ImageDraw,
    rng: Rng,
    box: tuple[int, int, int, int],
    text_font: Font,
    ink: Colour,
    leading: float,
) -> int:
    """Fill a box (left, top, right, bottom) with lines of words; the y below the last line."""
    left, top, right, bottom = box
    step = max(3, round(text_font.size * leading))
    letters = (
        rng.choice(SCRIPTS)
        if text_font.getname()[0] in ("DejaVu Sans", "DejaVu Serif") and rng.random() < 0.2
        else ""
    )
    y = top
    while y + step <= bottom:
        line = ""
        while text_font.getlength(line) < right - left:
            line += "".join(rng.choice(letters) for _ in range(rng.randint(2, 9))) if letters else word(rng)
            line += rng.choice((" ", " ", " ", " ", ", ", ". "))
        while line and text_font.getlength(line) > right - left:
            line = line[:-1]
        draw.text((left, y), line, fill=ink, font=text_font)
        y += step
    return y
