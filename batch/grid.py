"""The grid: the first results as one picture, each image with its score below, and a border by its score.

The images are decoded in this process, unlike those that are scored. What bounds that: only bytes that a
fenced worker has just decoded and scored within its limits come here, one at a time, through the same gate.
Pillow draws it, because serving installs Pillow and not matplotlib.
"""

import asyncio
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from batch.target import Target
from logo_detection.decode.image import load_thumbnail
from logo_detection.errors import ItemError
from logo_detection.pool.messages import Scored
from logo_detection.scoring import SCORE_DECIMALS, Result

MAX_CELLS = 120
MAX_COLUMNS = 10
MAX_NAME_CHARS = 255
ASPECT = 1.5
"""Of a grid of many, in cells."""

# All in pixels.
PICTURE_SIDE = 220
BORDER = 5
PADDING = 6
TILE = PICTURE_SIDE + 2 * (BORDER + PADDING)
RADIUS = 6
GAP = 24
MARGIN = 32
SCORE_SIZE = 22
NAME_SIZE = 14
CAPTION_GAP = 7
CAPTION_HEIGHT = SCORE_SIZE + NAME_SIZE + 3 * CAPTION_GAP
LEGEND_SIZE = 17
LEGEND_HEIGHT = LEGEND_SIZE + GAP

# Okabe and Ito's vermilion and blue, which colour-blind people can tell apart.
LOGO_COLOUR = "#d55e00"
OTHER_COLOUR = "#0072b2"
UNSCORED_COLOUR = "#8a8a8a"
BACKGROUND = "#ffffff"
MAT = "#f3f3f3"
TEXT_COLOUR = "#222222"
FAINT_COLOUR = "#5f5f5f"

NO_CHARACTER = "\uffff"

GridFont = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Cell:
    """One result as it is drawn: what is in its frame (a picture, or words in its place), and below that."""

    inside: Image.Image | str
    score: str
    name: str
    colour: str


class Grid:
    """Collects the first `MAX_CELLS` results and their pictures, and draws them when all are there.

    Args:
        target: Whose scores are shown.
        threshold: Scores from here on have the one colour, others the other. Nothing else depends on it.
    """

    def __init__(self, target: Target, threshold: float) -> None:
        self._target = target
        self._threshold = threshold
        self._one_at_a_time = asyncio.Lock()  # as `decode` wants it
        self._pictures: dict[int, Image.Image] = {}
        self._cells: list[Cell] = []
        self._results = 0

    async def keep_picture(self, number: int, data: bytes, _: Scored) -> None:
        """Keep a small picture of a scored image: see `scoring.OnScored`."""
        if number >= MAX_CELLS:
            return
        async with self._one_at_a_time:
            try:
                pixels = await asyncio.to_thread(load_thumbnail, data, PICTURE_SIDE)
            except ItemError:  # TensorFlow reads a few files that Pillow does not
                return
        self._pictures[number] = Image.fromarray(pixels.round().astype(np.uint8))

    def add(self, result: Result) -> None:
        """Take the next result, in the order of the inputs."""
        if self._results < MAX_CELLS:
            self._cells.append(self._cell(result, self._pictures.pop(self._results, None)))
        self._results += 1

    def png(self) -> bytes:
        """What was collected, drawn."""
        legend = [(LOGO_COLOUR, f"{self._target.name}: {self._threshold:g} or more"), (OTHER_COLOUR, "less")]
        if any(cell.colour == UNSCORED_COLOUR for cell in self._cells):
            legend.append((UNSCORED_COLOUR, "no score"))
        if self._results > len(self._cells):
            legend.append((BACKGROUND, f"the first {len(self._cells)} of {self._results:,} files"))
        out = io.BytesIO()
        draw_grid(self._cells, legend).save(out, "PNG")
        return out.getvalue()

    def _cell(self, result: Result, picture: Image.Image | None) -> Cell:
        if isinstance(result.outcome, ItemError):
            return Cell(result.outcome.code, "no score", result.name, UNSCORED_COLOUR)
        score = self._target.prediction(result.outcome)
        colour = LOGO_COLOUR if score >= self._threshold else OTHER_COLOUR
        return Cell(picture or "no picture", f"{score:.{SCORE_DECIMALS}f}", result.name, colour)


def shape(cells: int) -> tuple[int, int]:
    """Columns and rows of a grid of so many, with no more columns than that many rows take."""
    rows = ceil(cells / max(1, min(MAX_COLUMNS, ceil(sqrt(cells * ASPECT)))))
    return ceil(cells / max(1, rows)), rows


def draw_grid(cells: Sequence[Cell], legend: Sequence[tuple[str, str]]) -> Image.Image:
    """All cells, row by row, below a legend: colours, and what each means."""
    columns, rows = shape(len(cells))
    width = max(columns * (TILE + GAP) - GAP, _legend_width(legend))
    height = LEGEND_HEIGHT + rows * (TILE + CAPTION_HEIGHT + GAP) - GAP
    canvas = Image.new("RGB", (width + 2 * MARGIN, height + 2 * MARGIN), BACKGROUND)
    _draw_legend(canvas, legend)
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        at = MARGIN + column * (TILE + GAP), MARGIN + LEGEND_HEIGHT + row * (TILE + CAPTION_HEIGHT + GAP)
        _draw_cell(canvas, at, cell)
    return canvas


def _draw_cell(canvas: Image.Image, at: tuple[int, int], cell: Cell) -> None:
    pen = ImageDraw.Draw(canvas)
    left, top = at
    middle = left + TILE // 2, top + TILE // 2
    pen.rounded_rectangle(
        (left, top, left + TILE - 1, top + TILE - 1), RADIUS, fill=MAT, outline=cell.colour, width=BORDER
    )
    if isinstance(cell.inside, str):
        pen.text(middle, cell.inside, FAINT_COLOUR, _font(NAME_SIZE), anchor="mm")
    else:
        width, height = cell.inside.size
        canvas.paste(cell.inside, (middle[0] - width // 2, middle[1] - height // 2))
    caption = top + TILE + CAPTION_GAP
    pen.text((left, caption), cell.score, cell.colour, _font(SCORE_SIZE))
    font = _font(NAME_SIZE)
    pen.text((left, caption + SCORE_SIZE + CAPTION_GAP), fitted(cell.name, font, TILE), FAINT_COLOUR, font)


def _legend_width(legend: Sequence[tuple[str, str]]) -> int:
    font = _font(LEGEND_SIZE)
    return sum(2 * LEGEND_SIZE + GAP + ceil(font.getlength(text)) for _, text in legend)


def _draw_legend(canvas: Image.Image, legend: Sequence[tuple[str, str]]) -> None:
    pen, font = ImageDraw.Draw(canvas), _font(LEGEND_SIZE)
    left = MARGIN
    for colour, text in legend:
        pen.rectangle((left, MARGIN, left + LEGEND_SIZE - 1, MARGIN + LEGEND_SIZE - 1), fill=colour)
        left += LEGEND_SIZE * 3 // 2
        pen.text((left, MARGIN + LEGEND_SIZE // 2), text, TEXT_COLOUR, font, anchor="lm")
        left += ceil(font.getlength(text)) + GAP


def _font(size: int) -> GridFont:
    """DejaVu, which knows many alphabets, where it is installed; else the little that Pillow brings."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def fitted(name: str, font: GridFont, width: int) -> str:
    """The last part of a name, in characters that the font has; too wide a one loses some of its middle."""
    last = name.rstrip("/").rsplit("/", 1)[-1][-MAX_NAME_CHARS:]
    text = "".join(_drawable(character, font) for character in last)
    kept = len(text)
    fitted = text
    while font.getlength(fitted) > width:
        kept -= 1
        fitted = f"{text[: ceil(kept / 2)]}…{text[len(text) - kept // 2 :]}"
    return fitted


def _drawable(character: str, font: GridFont) -> str:
    """The character, or what is left of it without its accent; a question mark if the font has neither."""
    for candidate in (character, unicodedata.normalize("NFKD", character)[0]):
        if candidate.isprintable() and _glyph(candidate, font) != _glyph(NO_CHARACTER, font):
            return candidate
    return "?"


def _glyph(character: str, font: GridFont) -> bytes:
    image = Image.new("1", (2 * NAME_SIZE, 2 * NAME_SIZE))
    ImageDraw.Draw(image).text((0, 0), character, fill=1, font=font)
    return image.tobytes()
