"""Formulas: mathematics, typeset; single equations and columns of them."""

import io

from matplotlib import mathtext
from matplotlib.font_manager import FontProperties
from PIL import Image, ImageOps

from synthetic.stateless_random import WHITE, Rng, dark, pale

SYMBOLS = (
    r"\alpha", r"\beta", r"\gamma", r"\theta", r"\lambda", r"\mu", r"\pi", r"\sigma", r"\phi",
    "x", "y", "n",
)  # fmt: skip
FORMULAS = (
    r"E = mc^2", r"a^2 + b^2 = c^2", r"e^{i\pi} + 1 = 0", r"F = G\frac{m_1 m_2}{r^2}",
    r"\nabla \cdot E = \frac{\rho}{\epsilon_0}",
    r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", r"2H_2 + O_2 \rightarrow 2H_2O", r"\binom{n}{k}",
    r"\hat{H}\psi = E\psi",
    r"\forall x \in \mathbb{R}", r"V = \frac{4}{3}\pi r^3", r"\Delta G = \Delta H - T\Delta S",
)  # fmt: skip
# To be filled with letters: a formula of each form is seldom drawn twice.
TEMPLATES = (
    r"{a} = {n}{b} + {c}", r"\int_{{{n}}}^{{{b}}} {c}({a})\,d{a}",
    r"\sum_{{{a}={n}}}^\infty \frac{{{b}^{a}}}{{{a}!}}", r"{a} \cup {b}",
    r"\frac{{d}}{{d{a}}}\sin {n}{a} = {n}\cos {n}{a}", r"{a}({b},{c})", r"\lim_{{{a} \to \infty}} {b}({a})",
    r"\frac{{\partial {a}}}{{\partial {b}}}",
    r"{a} \wedge {b}", r"{a}_{n}", r"\frac{{{a}}}{{{b}}} = \frac{{{c}}}{{{n}}}", r"\sqrt{{{a}^{n} + {b}}}",
    r"\left|{a} - {b}\right| < {c}",
    r"{a}^{n} - {b}^{n} = 0", r"\vec{{{a}}} \times \vec{{{b}}}", r"{a} \rightarrow {b} + {c}",
    r"\prod_{{{a}=1}}^{n} {b}_{a}",
)  # fmt: skip
NAMES = (
    *"abcfghkmnprstuvxyzABEFHKLMNPRSTVX",
    r"\alpha", r"\beta", r"\lambda", r"\theta", r"\phi", r"\sigma", r"\Omega",
)  # fmt: skip


def type_face(rng: Rng) -> FontProperties:
    """A face for mathematics."""
    return FontProperties(math_fontfamily=rng.choice(("cm", "stix", "dejavusans", "dejavuserif", "stixsans")))


def typeset(text: str, style: FontProperties, dpi: int) -> Image.Image:
    """A formula in TeX's language as a picture, as tight as matplotlib makes it."""
    buffer = io.BytesIO()
    mathtext.math_to_image(f"${text}$", buffer, style, dpi, "png")
    return Image.open(buffer)


def formula(rng: Rng) -> Image.Image:
    """One to five equations under each other."""
    style = type_face(rng)
    rows = []
    for _ in range(rng.randint(1, 5)):
        terms = " + ".join(term(rng) for _ in range(rng.randint(1, 4)))
        row = typeset(f"{rng.choice(SYMBOLS)} = {terms}", style, rng.randint(90, 220))
        rows.append(row.convert("RGBA"))
    margin = rng.randint(4, 60)
    width = max(row.width for row in rows) + 2 * margin
    image = Image.new("RGB", (width, sum(row.height + 12 for row in rows) + 2 * margin), pale(rng))
    y = margin
    for row in rows:
        image.paste(row, (margin, y), row)
        y += row.height + 12
    return image


def term(rng: Rng) -> str:
    """A part of a formula, in TeX's language."""
    a, b, c = (rng.choice(SYMBOLS) for _ in range(3))
    forms = (
        rf"\frac{{{a} + {b}}}{{{c}^2}}",
        rf"\int_0^\infty {a}\,d{b}",
        rf"\sum_{{i=1}}^{{n}} {a}_i {b}^i",
        rf"\sqrt{{{a}^2 + {b}^2}}",
        rf"{a}^{{{rng.randint(2, 9)}}}",
        rf"\frac{{\partial {a}}}{{\partial {b}}}",
        rf"\left({a} - {b}\right)",
        rf"\lim_{{{a} \to 0}} {b}",
    )
    return rng.choice(forms)


def equation(rng: Rng) -> Image.Image:
    """One formula, large, in black or in chalk; tight or with room around."""
    style = type_face(rng)
    a, b, c = rng.sample(NAMES, 3)
    if rng.random() < 0.25:
        text = rng.choice(FORMULAS)
    else:
        text = rng.choice(TEMPLATES).format(a=a, b=b, c=c, n=rng.randint(2, 9))
    strokes = ImageOps.invert(typeset(text, style, rng.randint(180, 420)).convert("L"))
    wide, high = strokes.size
    ground, ink = (pale(rng), dark(rng)) if rng.random() < 0.85 else ((30, 60, 45), WHITE)
    image = Image.new("RGB", (wide + rng.randint(8, wide), high + rng.randint(8, 2 * high)), ground)
    image.paste(ink, ((image.width - wide) // 2, (image.height - high) // 2), strokes)
    return image
