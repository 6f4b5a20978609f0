"""The pen of an illustrator: draws in a unit square, with a contour or without, in colours for clip art."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageDraw

from synthetic.shapes import Box, Point
from synthetic.stateless_random import Colour, Rng, colour

INK: Colour = (25, 22, 30)
WOOD: Colour = (140, 90, 50)
GLASS: Colour = (190, 225, 245)


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in a unit square that lies somewhere in a picture; `line`: the contour in pixels, or 0."""

    draw: ImageDraw.ImageDraw
    left: float
    top: float
    side: float
    line: int
    ink: Colour

    def at(self, x: float, y: float) -> Point:
        """A place of the unit square in pixels."""
        return self.left + x * self.side, self.top + y * self.side

    def within(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A box of the unit square in pixels."""
        return (*self.at(x0, y0), *self.at(x1, y1))

    def oval(self, x: float, y: float, rx: float, ry: float, shade: Colour) -> None:
        """An ellipse around a place."""
        box = self.within(x - rx, y - ry, x + rx, y + ry)
        self.draw.ellipse(box, shade, self.ink if self.line else None, self.line)

    def box(self, x0: float, y0: float, x1: float, y1: float, shade: Colour, corner: float = 0.0) -> None:
        """A rectangle, its corners round by `corner`."""
        box = self.within(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        edge = self.ink if self.line else None
        self.draw.rounded_rectangle(box, corner * self.side, shade, edge, self.line)

    def area(self, points: list[Point], shade: Colour) -> None:
        """A polygon."""
        outline = [self.at(*point) for point in points]
        self.draw.polygon(outline, shade)
        if self.line:
            self.draw.line([*outline, outline[0], outline[1]], self.ink, self.line, joint="curve")

    def dome(self, x0: float, y0: float, x1: float, y1: float, shade: Colour) -> None:
        """The upper half of the ellipse in a box; its contour is never missing."""
        self.draw.pieslice(self.within(x0, y0, x1, y1), 180, 360, shade, self.ink, max(1, self.line))

    def stroke(self, points: list[Point], width: float, shade: Colour) -> None:
        """An open line with round ends."""
        outline, reach = [self.at(*point) for point in points], max(1.0, width * self.side / 2)
        if self.line:
            self.draw.line(outline, self.ink, round(2 * reach + 2 * self.line), joint="curve")
        self.draw.line(outline, shade, round(2 * reach), joint="curve")
        for x, y in (outline[0], outline[-1]):
            self.draw.ellipse((x - reach, y - reach, x + reach, y + reach), shade)


Figure = Callable[[Rng, Pen], None]


def tint(rng: Rng) -> Colour:
    """A colour of an illustration."""
    return colour(rng, (0.25, 0.95), (0.45, 1.0))
