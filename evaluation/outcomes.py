"""Outcomes: the scores of each example, in their order, by the fenced pool that serves.

    Example -> logo_detection.scoring -> Outcome -> Aligned

A file without scores has an error's code instead, and is counted.
"""

import asyncio
import csv
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from datasets.manifest import Example
from evaluation.arrays import Floats, Ints
from evaluation.errors import EvaluationError
from evaluation.metrics import SUM_TOLERANCE
from evaluation.report import AS_IS
from logo_detection.artifact import Artifact
from logo_detection.classifier import Contrast, Precision
from logo_detection.errors import ItemError
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.files import MAX_FILE_BYTES, held_file
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import (
    AHEAD_PER_WORKER,
    DECODE_TIMEOUT_S,
    MAX_HELD_BYTES,
    Input,
    Result,
    score_all,
)

RECODING, PAIR, GROUP = "recoding", "pair", "group"
"""Metadata of an example: the form that it has here, what names the image behind its forms, and what it
shares with images that are like it (a brand, a photographer)."""

PARTNER_UNSCORED = "partner_unscored"
NO_SCORE = "no_score"
SCORE_PREFIX = "score_"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An example's probabilities, in the order of the model's labels; or none, and the code of its error."""

    example: Example
    scores: tuple[float, ...] | None
    error: str | None

    @property
    def recoding(self) -> str:
        """The form that the image has here."""
        return self.example.metadata.get(RECODING) or AS_IS


@dataclass(frozen=True, slots=True)
class Aligned:
    """What is measured: the same images in every recoding.

    Attributes:
        scores: float[N, classes] by recoding.
        truth: The index of each image's label, int[N].
        categories: Of the N images.
        groups: The number of each image's group, int[N]; an image without a group is one of its own.
        unscored: Files left out, by the reason.
    """

    scores: Mapping[str, Floats]
    truth: Ints
    categories: tuple[str, ...]
    groups: Ints
    unscored: Mapping[str, int]


def score_examples(
    artifact: Artifact,
    examples: Sequence[Example],
    workers: int,
    each: Callable[[], object] = lambda: None,
    precision: Precision = "f32",
) -> list[Outcome]:
    """Score files with an artifact.

    Args:
        artifact: The model.
        examples: The files.
        workers: Processes that score.
        each: Called when one more file is done.
        precision: In which the engine computes.

    Raises:
        WorkerStartError: No worker comes up.
    """
    return asyncio.run(_score_all(artifact, examples, workers, each, precision))


async def _score_all(
    artifact: Artifact,
    examples: Sequence[Example],
    workers: int,
    each: Callable[[], object],
    precision: Precision,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    paths = [example.path for example in examples]
    async with aclosing(results_of(artifact, paths, workers, precision=precision)) as results:
        async for result in results:
            outcomes.append(_outcome(examples[len(outcomes)], result))
            each()
    return outcomes


async def results_of(
    artifact: Artifact,
    paths: Iterable[Path],
    workers: int,
    contrast: Contrast | None = None,
    precision: Precision = "f32",
) -> AsyncGenerator[Result, None]:
    """Score files with an artifact, and explain their scores.

    Args:
        artifact: The model.
        paths: The files.
        workers: Processes that score.
        contrast: Asks for an explanation of every score; a model without heat maps gives none.
        precision: In which the engine computes.

    Yields:
        One result per file, in their order.

    Raises:
        WorkerStartError: No worker comes up.
    """
    memory = ByteBudget(MAX_HELD_BYTES)
    inputs = [Input(str(path), partial(held_file, path, memory=memory)) for path in paths]
    config = WorkerConfig(artifact.model_source("auto", precision), max_image_bytes=MAX_FILE_BYTES)
    async with ScoringPool(config, workers=workers, decode_timeout_s=DECODE_TIMEOUT_S) as pool:
        wanted = contrast if pool.explains else None
        scoring = score_all(inputs, pool, ahead=AHEAD_PER_WORKER * workers, contrast=wanted)
        async with aclosing(scoring) as results:
            async for result in results:
                yield result


def _outcome(example: Example, result: Result) -> Outcome:
    if isinstance(result.outcome, ItemError):
        return Outcome(example, None, result.outcome.code)
    return Outcome(example, result.outcome.scores, None)


def read_scores(table: Path, examples: Iterable[Example], root: Path, labels: Sequence[str]) -> list[Outcome]:
    """Outcomes from a table of scores that were computed before, here or elsewhere.

    Args:
        table: CSV with a column `path`, relative to the root, and a column `score_LABEL` per label; a row
            whose scores are empty may have a code in a column `error`.
        examples: What is scored; the table may have more. One that it lacks is `no_score`.
        root: The dataset's folder.
        labels: Of the model, in its order.

    Raises:
        EvaluationError: The table cannot be read, lacks a column, or has no probability where one belongs.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise EvaluationError(f"cannot read {table}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{table} is not a CSV file in UTF-8 ({error})") from error
    columns = ["path", *(SCORE_PREFIX + label for label in labels)]
    if rows and (missing := [name for name in columns if name not in rows[0]]):
        raise EvaluationError(f"{table} has no column {', '.join(missing)}")
    found = {row["path"]: _parsed(row, number, table, labels) for number, row in enumerate(rows, start=2)}
    absent = (None, NO_SCORE)
    return [Outcome(example, *found.get(name_of(example, root), absent)) for example in examples]


def _parsed(
    row: Mapping[str, str], line: int, table: Path, labels: Sequence[str]
) -> tuple[tuple[float, ...] | None, str | None]:
    texts = [row[SCORE_PREFIX + label] for label in labels]
    if not any(texts):
        return None, row.get("error") or NO_SCORE
    try:
        scores = tuple(float(text) for text in texts)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"{table}, line {line}: {error}") from error
    if not all(0 <= score <= 1 + SUM_TOLERANCE for score in scores):
        raise EvaluationError(f"{table}, line {line}: a score is a probability, and not {', '.join(texts)}")
    return scores, None


def name_of(example: Example, root: Path) -> str:
    """An example's path, below the dataset's folder where it is."""
    path = example.path
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def align(outcomes: Sequence[Outcome], labels: Sequence[str]) -> Aligned:
    """Bring the recodings of each image together.

    Raises:
        EvaluationError: A recoding of an image is missing or there twice, an image's recodings differ in
            label or category, or nothing has a score.
    """
    images = _by_image(outcomes)
    recodings = sorted({outcome.recoding for outcome in outcomes}, reverse=True)  # png before jpeg
    unscored: Counter[str] = Counter()
    kept = []
    for name, forms in images.items():
        _check_forms(name, forms, recodings)
        if failed := [form.error or NO_SCORE for form in forms if form.scores is None]:
            unscored.update([*failed, *[PARTNER_UNSCORED] * (len(forms) - len(failed))])
        else:
            kept.append({form.recoding: form for form in forms})
    if not kept:
        raise EvaluationError(f"none of {len(outcomes):,} files could be scored: {dict(unscored)}")
    firsts = [forms[recodings[0]].example for forms in kept]
    return Aligned(
        {name: np.array([forms[name].scores for forms in kept], np.float64) for name in recodings},
        np.array([labels.index(example.label) for example in firsts]),
        tuple(example.category for example in firsts),
        group_numbers(firsts),
        dict(sorted(unscored.items())),
    )


def group_numbers(examples: Sequence[Example]) -> Ints:
    """The number of each image's group, int[N]; one without a group is a group of its own recodings."""
    numbers: dict[object, int] = {}
    keys = (
        example.metadata.get(GROUP) or (example.metadata.get(PAIR) or example.path,) for example in examples
    )
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def _by_image(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by the image that they are forms of; without a `pair`, each file is one."""
    images: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        images[outcome.example.metadata.get(PAIR) or str(outcome.example.path)].append(outcome)
    return images


def _check_forms(name: str, forms: Sequence[Outcome], recodings: Sequence[str]) -> None:
    present = sorted((form.recoding for form in forms), reverse=True)
    if present != recodings:
        raise EvaluationError(
            f"the image {name!r} comes as {', '.join(present)};"
            f" every image must come as {', '.join(recodings)}"
        )
    if len({(form.example.label, form.example.category) for form in forms}) > 1:
        raise EvaluationError(f"the image {name!r} has more than one label or category")
