"""Charts, as plotting programs and spreadsheets draw them."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from synthetic import figures
from synthetic.lettering import font, number_text, words
from synthetic.stateless_random import Rng, colour, dark, pale, palette

STYLES = (
    "default", "classic", "ggplot", "bmh", "fivethirtyeight", "seaborn-v0_8", "seaborn-v0_8-whitegrid",
    "seaborn-v0_8-darkgrid", "dark_background", "grayscale", "Solarize_Light2", "seaborn-v0_8-ticks", "fast",
)  # fmt: skip
MAPS = (
    "viridis",
    "plasma",
    "coolwarm",
    "Greys",
    "YlOrRd",
    "Blues",
    "jet",
    "RdYlGn",
    "terrain",
    "tab20",
    "cividis",
)
FAMILIES = ("DejaVu Sans", "DejaVu Serif", "STIXGeneral", "DejaVu Sans Mono")

Plot = Callable[[Any, Rng, np.random.Generator], None]


def render_figure(figure: Figure, dpi: float) -> Image.Image:
    """The figure's pixels, RGB."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Where the writing leaves no room for the axes, matplotlib draws without its layout and says so: a
        # crowded chart is wanted too.
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
        figure.savefig(buffer, format="png", dpi=dpi)
    return Image.open(buffer).convert("RGB")


def chart(plot: Plot, projection: str | None = None) -> Callable[[Rng], Image.Image]:
    """A kind of chart: the plot in a random style, with or without its title, labels and legend."""

    def draw(rng: Rng) -> Image.Image:
        with mpl.rc_context(), style.context(rng.choice(STYLES)):
            mpl.rcParams["font.family"] = rng.choice(FAMILIES)
            mpl.rcParams["font.size"] = rng.uniform(7, 16)
            width = rng.uniform(3, 9)
            figure = Figure((width, width / rng.uniform(0.8, 2.0)), layout="constrained")
            FigureCanvasAgg(figure)
            if rng.random() < 0.25:
                figure.set_facecolor([channel / 255 for channel in pale(rng)])
            rows, columns = rng.choice(((1, 1), (1, 1), (1, 1), (1, 1), (1, 2), (2, 1), (2, 2)))
            for index in range(rows * columns):
                axes = figure.add_subplot(rows, columns, index + 1, projection=projection)
                plot(axes, rng, np.random.default_rng(rng.getrandbits(64)))
                label(axes, rng)
            return render_figure(figure, rng.uniform(50, 130))

    return draw


def label(axes: Any, rng: Rng) -> None:
    """Titles, axis labels, a legend and a grid: each sometimes there."""
    if rng.random() < 0.6:
        axes.set_title(words(rng, rng.randint(1, 5)))
    if rng.random() < 0.6:
        axes.set_xlabel(words(rng, rng.randint(1, 3)))
        axes.set_ylabel(words(rng, rng.randint(1, 2)))
    if axes.get_legend_handles_labels()[0] and rng.random() < 0.6:
        axes.legend()
    if rng.random() < 0.3:
        axes.grid(True, linestyle=rng.choice(("-", "--", ":")))


def hues(rng: Rng, count: int) -> list[tuple[float, ...]]:
    """A palette in matplotlib's scale, 0..1."""
    return [tuple(channel / 255 for channel in shade) for shade in palette(rng, count)]


def lines(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Some series over time."""
    count = rng.randint(1, 6)
    points = rng.choice((8, 20, 60, 300))
    for shade in hues(rng, count):
        steps = array.normal(rng.uniform(-0.2, 0.4), 1, points)
        series = (
            steps.cumsum()
            if rng.random() < 0.7
            else np.sin(np.arange(points) / rng.uniform(2, 20)) + 0.1 * steps
        )
        marker = rng.choice(("", "", "o", "s", "^"))
        axes.plot(series, color=shade, marker=marker, linewidth=rng.uniform(0.6, 4), label=words(rng, 1))
        if rng.random() < 0.2:
            axes.fill_between(range(points), series, color=shade, alpha=0.3)


def bar_chart(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Bars: grouped, stacked, lying or standing."""
    groups, series = rng.randint(3, 14), rng.randint(1, 4)
    heights = array.gamma(2, 10, (series, groups))
    stacked, lying = rng.random() < 0.5, rng.random() < 0.3
    base = np.zeros(groups)
    for index, shade in enumerate(hues(rng, series)):
        place = np.arange(groups) + (0 if stacked else index * 0.8 / series)
        thickness = 0.8 if stacked else 0.8 / series
        if lying:
            axes.barh(place, heights[index], thickness, left=base, color=shade, label=words(rng, 1))
        else:
            axes.bar(place, heights[index], thickness, bottom=base, color=shade, label=words(rng, 1))
        base = base + heights[index] if stacked else base
    names = [words(rng, 1) for _ in range(groups)]
    if lying:
        axes.set_yticks(range(groups), names)
    else:
        axes.set_xticks(range(groups), names, rotation=rng.choice((0, 45, 90)))


def pie(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """A pie, or a ring."""
    count = rng.randint(2, 9)
    ring = {"width": rng.uniform(0.25, 0.6)} if rng.random() < 0.3 else {}
    labels = [words(rng, 1) for _ in range(count)] if rng.random() < 0.8 else None
    percent = rng.choice((None, "%1.0f%%", "%1.1f%%"))
    if labels is None and percent is None:
        percent = "%1.0f%%"  # without any text a pie is as good as a logo
    axes.pie(
        array.gamma(2, 1, count) + 0.2,
        labels=labels,
        colors=hues(rng, count),
        autopct=percent,
        wedgeprops=ring,
    )


def scatter_chart(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Clouds of points."""
    for shade in hues(rng, rng.randint(1, 4)):
        count = rng.choice((15, 60, 300))
        x = array.normal(rng.uniform(-3, 3), 1, count)
        y = x * rng.uniform(-1, 1) + array.normal(0, rng.uniform(0.2, 1), count)
        axes.scatter(x, y, s=rng.uniform(4, 60), color=shade, alpha=rng.uniform(0.4, 1), label=words(rng, 1))


def histogram(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """How often which value."""
    for shade in hues(rng, rng.randint(1, 3)):
        axes.hist(array.normal(rng.uniform(-1, 1), 1, 400), bins=rng.randint(8, 50), color=shade, alpha=0.7)


def heatmap(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """A matrix in colours, with or without its numbers."""
    rows, columns = rng.randint(4, 14), rng.randint(4, 14)
    values = array.random((rows, columns))
    axes.imshow(values, cmap=rng.choice(MAPS), aspect="auto")
    if rng.random() < 0.5:
        for row, column in np.ndindex(rows, columns):
            axes.text(column, row, f"{values[row, column]:.1f}", ha="center", va="center", fontsize=6)


def box_chart(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Boxes or violins."""
    samples = [array.normal(rng.uniform(-2, 2), rng.uniform(0.5, 2), 60) for _ in range(rng.randint(3, 9))]
    if rng.random() < 0.5:
        axes.boxplot(samples, patch_artist=rng.random() < 0.5)
    else:
        axes.violinplot(samples, showmedians=True)


def areas(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Stacked areas."""
    count = rng.randint(2, 6)
    axes.stackplot(
        range(30), np.abs(array.normal(1, 0.5, (count, 30)).cumsum(axis=1)), colors=hues(rng, count)
    )


def function(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """The graph of a function in a coordinate cross, as in a textbook."""
    x = np.linspace(-4, 4, 200)
    coefficients = array.normal(0, 1, 4)
    for shade in hues(rng, rng.randint(1, 3)):
        y = (
            np.polyval(coefficients + array.normal(0, 0.3, 4), x)
            if rng.random() < 0.5
            else np.sin(x * rng.uniform(0.5, 3))
        )
        axes.plot(x, y, color=shade, linewidth=rng.uniform(1, 3))
    axes.set_ylim(-4, 4)
    for side in ("left", "bottom"):
        axes.spines[side].set_position("zero")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    axes.text(1, 2, f"$f(x) = x^{rng.randint(2, 5)} + {number_text(rng).strip(' %')}$")


def timeline(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Bars over time, as of a plan."""
    count = rng.randint(4, 14)
    starts = np.sort(array.random(count) * 10)
    axes.barh(range(count), array.random(count) * 4 + 0.5, left=starts, color=hues(rng, count))
    axes.set_yticks(range(count), [words(rng, rng.randint(1, 3)) for _ in range(count)])
    axes.invert_yaxis()


def radial(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """Bars or lines around a centre."""
    count = rng.randint(5, 16)
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    values = array.random(count) + 0.2
    if rng.random() < 0.5:
        axes.bar(angles, values, 2 * np.pi / count * 0.9, color=hues(rng, count), alpha=0.8)
    else:
        axes.plot(np.append(angles, 0), np.append(values, values[0]), color=hues(rng, 1)[0])


def surface(axes: Any, rng: Rng, array: np.random.Generator) -> None:
    """A surface over a plane."""
    x, y = np.meshgrid(np.linspace(-3, 3, 25), np.linspace(-3, 3, 25))
    z = np.sin(x * rng.uniform(0.5, 2)) * np.cos(y * rng.uniform(0.5, 2)) + 0.05 * array.normal(size=x.shape)
    axes.plot_surface(x, y, z, cmap=rng.choice(MAPS), linewidth=0.2, edgecolor=rng.choice(("none", "k")))


def infographic(rng: Rng) -> Image.Image:
    """Bars without axes under a headline, as newspapers and slides have them."""
    width, height = rng.randint(400, 900), rng.randint(350, 800)
    paper, ink = pale(rng), dark(rng)
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    margin = width // 14
    draw.text((margin, margin // 2), words(rng, rng.randint(3, 6)), fill=ink, font=font(rng, height // 16))
    rows = rng.randint(4, 10)
    step = (height - 3 * margin) / rows
    small, shade = font(rng, max(9, round(step * 0.4))), colour(rng, (0.4, 1), (0.4, 0.95))
    for row in range(rows):
        top = 2 * margin + row * step
        share = rng.uniform(0.05, 1)
        draw.text((margin, top), words(rng, 1), fill=ink, font=small)
        left = width * 0.3
        draw.rectangle((left, top, left + share * width * 0.5, top + step * 0.7), fill=shade)
        draw.text((left + share * width * 0.5 + 8, top), number_text(rng), fill=ink, font=small)
    draw.text(
        (margin, height - margin),
        words(rng, rng.randint(4, 9)),
        fill=ink,
        font=font(rng, max(8, height // 45)),
    )
    return image


KINDS = {
    "lines": chart(lines),
    "bars": chart(bar_chart),
    "pie": chart(pie),
    "scatter": chart(scatter_chart),
    "histogram": chart(histogram),
    "heatmap": chart(heatmap),
    "boxes": chart(box_chart),
    "areas": chart(areas),
    "function": chart(function),
    "timeline": chart(timeline),
    "radial": chart(radial, "polar"),
    "surface": chart(surface, "3d"),
    "infographic": infographic,
    **figures.CHARTS,
}
