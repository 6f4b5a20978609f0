"""Plots: curves and bars of an evaluation, as SVG that stands inside a page.

Lines of the axes and text take the colour of the page's text (`currentColor`), so that they can be read on a
light ground and on a dark one. The SVG refers to nothing outside itself.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from sklearn import metrics as sk

from evaluation.arrays import Floats, Ints
from evaluation.false_alarms import FALSE_ALARM_RATES
from evaluation.metrics import target_of

INCHES = (4.6, 3.9)
WIDE_INCHES = (9.6, 3.6)
INCHES_OF_A_ROW = 1.2  # of histograms, where there are many
HISTOGRAM_BINS = 40
LEAST_DOT, MOST_DOT = 8, 260  # square points
INK = "#010203"  # stands for the page's text colour until the SVG is written
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which colour-blind people can tell apart; all show on white and on black."""

DASHES = ("solid", "dashed", "dashdot", "dotted")

CSS_PIXELS_PER_INCH = 96

_GROUP_ID = re.compile(r'<g id="[^"]*"')
_FONT_FAMILY = re.compile(r"font-family: '[^;\"]*;")

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.parse_math": False,  # a class may be called `$`
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "axes.grid": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}

Line = tuple[str, Floats, Ints]
"""What it is called, the scores of one class float[N], and which images are of it int[N] (0 or 1)."""


def lines_of(scores: Mapping[str, Floats], truth: Ints, labels: Sequence[str]) -> list[Line]:
    """One line per recoding for two classes; for more, one per class that occurs, in the first recoding."""
    if len(labels) == 2:
        target = target_of(labels)
        return [(name, values[:, target], (truth == target).astype(int)) for name, values in scores.items()]
    first = next(iter(scores.values()))
    return [
        (labels[index], first[:, index], (truth == index).astype(int)) for index in np.unique(truth).tolist()
    ]


def roc(lines: Iterable[Line]) -> str:
    """The share found against the share of false alarms, which is on a logarithmic axis: logos are rare.

    Dotted lines stand at FALSE_ALARM_RATES.
    """
    lines = list(lines)
    with _figure("roc") as figure:
        axes = figure.subplots()
        least = 0.5 / max(int((1 - truth).sum()) for _, _, truth in lines)
        for (name, scores, truth), style in zip(lines, _styles(), strict=False):
            false, true, _ = sk.roc_curve(truth, scores, drop_intermediate=False)
            axes.step(np.maximum(false, least), true, where="post", label=name, **style)
        for rate in FALSE_ALARM_RATES:
            axes.axvline(rate, color=INK, linewidth=1, linestyle="dotted")
        axes.set(xscale="log", xlim=(least, 1), ylim=(0, 1.02))
        _in_plain_figures(axes.xaxis)
        axes.set(xlabel="share of the others that is called it", ylabel="share of it that is found")
        axes.legend(loc="lower right")
    return _svg(figure, "roc")


def precision_recall(lines: Iterable[Line]) -> str:
    """Precision against recall, at the base rate of the set."""
    with _figure("pr") as figure:
        axes = figure.subplots()
        for (name, scores, truth), style in zip(lines, _styles(), strict=False):
            precision, recall, _ = sk.precision_recall_curve(truth, scores)
            axes.step(recall, precision, where="post", label=name, **style)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set(xlabel="recall: share of it that is found", ylabel="precision in this set")
        axes.legend(loc="lower left")
    return _svg(figure, "pr")


def reliability(bins_by_recoding: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The share that is it against what the probabilities say; a dot's area is its share of the images."""
    with _figure("reliability") as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1)
        for (name, bins), style in zip(bins_by_recoding.items(), _styles(), strict=False):
            means, shares = ([entry[key] for entry in bins] for key in ("mean_probability", "share_right"))
            images = np.array([entry["images"] for entry in bins])
            axes.plot(means, shares, label=name, **{**style, "linewidth": 1})
            axes.scatter(
                means, shares, s=LEAST_DOT + MOST_DOT * images / images.sum(), c=style["color"], alpha=0.8
            )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.set(xlabel="mean probability of a bin", ylabel="share that is so")
        axes.legend(loc="upper left")
    return _svg(figure, "reliability")


def histograms(scores: Floats, truth: Ints, labels: Sequence[str], threshold: float) -> str:
    """How many images of each class have which probability of the target, on a logarithmic axis."""
    target = target_of(labels)
    present = np.unique(truth).tolist()
    width, height = WIDE_INCHES
    with _figure("histograms", (width, max(height, INCHES_OF_A_ROW * len(present)))) as figure:
        rows = figure.subplots(len(present), 1, sharex=True, squeeze=False)[:, 0]
        for axes, index, style in zip(rows, present, _styles(), strict=False):
            chosen = scores[truth == index, target]
            axes.hist(chosen, bins=HISTOGRAM_BINS, range=(0, 1), color=style["color"], log=True)
            axes.axvline(threshold, color=INK, linewidth=1, linestyle="dotted")
            axes.set(xlim=(0, 1), ylim=(0.7, None), ylabel="images")
            _in_plain_figures(axes.yaxis)
            axes.set_title(f"{labels[index]} ({len(chosen):,})", loc="left", fontsize=10.5)
        rows[-1].set_xlabel(f"probability of {labels[target]}")
    return _svg(figure, "histograms")


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """Images of each class by what they are called; a cell's colour is its share of the row."""
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(INCHES[0], 1.6 + 0.5 * len(labels))
    with _figure("confusion", (side, side)) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
        axes.grid(False)
        ticks = range(len(labels))
        axes.set_xticks(ticks, labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, labels)
        for row, column in np.ndindex(counts.shape):
            ink = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=ink)
        axes.set(xlabel="is called", ylabel="is")
    return _svg(figure, "confusion")


def _in_plain_figures(axis: Axis) -> None:
    """0.01, 1, 100: matplotlib would write powers of ten as formulas, which need its own fonts."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _styles() -> Iterator[dict[str, Any]]:
    return (
        {"color": colour, "linestyle": dash}
        for colour, dash in zip(cycle(COLOURS), cycle(DASHES), strict=False)
    )


@contextmanager
def _figure(salt: str, inches: tuple[float, float] = INCHES) -> Iterator[Figure]:
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        yield Figure(figsize=inches, layout="constrained")


def _svg(figure: Figure, salt: str) -> str:
    """The `<svg>` element alone: no prolog that names a DTD, no metadata, only ids that are referred to."""
    out = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):  # so that no two figures share an id
        figure.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    text = out.getvalue()
    text = _GROUP_ID.sub("<g", text[text.index("<svg") :])
    text = _FONT_FAMILY.sub("", text).replace(INK, "currentColor")  # the page has a font
    width = figure.get_size_inches()[0] * CSS_PIXELS_PER_INCH
    return text.replace("<svg", f'<svg style="max-width: {width:.0f}px" aria-hidden="true"', 1)
