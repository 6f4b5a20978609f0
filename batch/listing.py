"""The listing: results as a table for people, or as one JSON document; both written as the results come."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from batch.target import Target
from logo_detection.errors import ItemError
from logo_detection.scoring import SCORE_DECIMALS, Result

Add = Callable[[Result], None]
"""Writes one result."""

# The name comes last, as in `ls -l`: of whatever length and alphabet it is, nothing is aligned after it.
_ROW = "{:>10}  {:>13}  {:<6}  {:>11}  {}\n"
_ERROR_ROW = "{:<46}  {}\n"


@contextmanager
def text_table(out: TextIO, target: Target) -> Iterator[Add]:
    """A header, and a row per result: its scores, or the code of its error."""

    def add(result: Result) -> None:
        name = _printable(result.name)
        if isinstance(result.outcome, ItemError):
            out.write(_ERROR_ROW.format(result.outcome.code, name))
            return
        scored = result.outcome
        scores = (
            f"{p:.{SCORE_DECIMALS}f}" for p in (target.prediction(scored), target.out_of_domain(scored))
        )
        out.write(_ROW.format(*scores, scored.format, f"{scored.width}x{scored.height}", name))

    out.write(_ROW.format("prediction", "out_of_domain", "format", "size", "filename"))
    yield add


@contextmanager
def json_document(out: TextIO, target: Target) -> Iterator[Add]:
    """A list with one object per result, as the server has them in `predictions`; each on its own line."""
    before = "["

    def add(result: Result) -> None:
        nonlocal before
        out.write(f"{before}\n{json.dumps(prediction(result, target))}")
        before = ","

    yield add
    out.write("[]\n" if before == "[" else "\n]\n")


def prediction(result: Result, target: Target) -> dict[str, Any]:
    """A result as the server would answer it."""
    named = {"filename": result.name, "target": target.name}
    if isinstance(result.outcome, ItemError):
        return {**named, "error": {"code": result.outcome.code, "message": result.outcome.message}}
    return {
        **named,
        "prediction": round(target.prediction(result.outcome), SCORE_DECIMALS),
        "out_of_domain": round(target.out_of_domain(result.outcome), SCORE_DECIMALS),
    }


def _printable(name: str) -> str:
    """A name that does to a terminal nothing but be shown: no escape sequences, no turned text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
