"""logo-evaluate: how good is a model on a folder of images?

    logo-evaluate --model model_artifacts/logo-detection --data FOLDER --output runs/evaluation

Writes `predictions.csv`, `evaluation.json` and `report.html` into the output folder. Exit status 0: the model
was evaluated, however it did; 2: it could not be; 130: it was interrupted.
"""

import argparse
import csv
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from datasets.manifest import Example, read_examples
from datasets.progress import Progress
from evaluation import overlays, page, pictures
from evaluation.base_rates import BASE_RATES
from evaluation.comparison import OtherEvaluation, compare, read_other
from evaluation.document import make_document, read_document
from evaluation.errors import EvaluationError
from evaluation.metrics import predict_class, target_of
from evaluation.outcomes import (
    SCORE_PREFIX,
    Aligned,
    Outcome,
    align,
    name_of,
    read_scores,
    score_examples,
)
from evaluation.report import Evaluation, make_report, render_comparison, render_markdown
from logo_detection.artifact import Artifact, load_artifact, shipped_artifact
from logo_detection.commands import Parser, run_command
from logo_detection.cores import available_cores

DEFAULT_OUTPUT = Path("runs/evaluation")
INTERRUPTED = "the same command begins anew; a predictions.csv that it has written is taken by --scores"
TABLE_DECIMALS = 9  # enough to get the same metrics from a table of predictions
DOCUMENT, PAGE, PREDICTIONS = "evaluation.json", "report.html", "predictions.csv"


def evaluate_artifact(artifact: Path, examples: Sequence[Example], workers: int | None = None) -> Evaluation:
    """Evaluate an artifact on files: the numbers of its model card, and of `logo-evaluate`.

    Args:
        artifact: An artifact's folder, or LiftWing's `.keras` file.
        examples: The files, with their labels.
        workers: Processes that score; one per core by default.

    Raises:
        LogoDetectionError: The artifact is not usable, no worker starts, or the files are of one class.
    """
    loaded = load_artifact(artifact)
    check_artifact_labels(examples, loaded.labels)
    outcomes = _score(loaded, examples, workers or available_cores())
    return evaluate_scores(align(outcomes, loaded.labels), loaded.labels)


def evaluate_scores(
    aligned: Aligned, labels: Sequence[str], base_rates: Sequence[float] = BASE_RATES
) -> Evaluation:
    """The metrics of scored images.

    Args:
        aligned: Their scores.
        labels: Of the classes.
        base_rates: Shares of a class among uploads, at which thresholds are told.

    Raises:
        EvaluationError: There are only images of one class.
    """
    try:
        return make_report(
            aligned.scores,
            aligned.truth,
            labels,
            aligned.categories,
            aligned.groups,
            aligned.unscored,
            base_rates,
        )
    except ValueError as error:
        raise EvaluationError(f"no model can be evaluated on these images: {error}") from error


def _score(artifact: Artifact, examples: Sequence[Example], workers: int) -> list[Outcome]:
    with Progress("scoring", len(examples), "files") as progress:
        return score_examples(artifact, examples, workers, progress.advance)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command("logo-evaluate", partial(evaluate_options, options), INTERRUPTED)


def evaluate_options(options: argparse.Namespace) -> int:
    """Evaluate what the options name, and write the results. Returns the exit status.

    Raises:
        LogoDetectionError: It could not be done.
    """
    artifact = load_artifact(options.model)
    examples = read_examples(options.data)
    root = options.data if options.data.is_dir() else options.data.parent
    check_artifact_labels(examples, artifact.labels)
    former = read_document(options.against) if options.against else None
    other = _read_other(options.beside, examples, root, artifact.labels) if options.beside else None
    with _errors_named(options.output):  # before hours of scoring
        options.output.mkdir(parents=True, exist_ok=True)
    if options.scores:
        outcomes = read_scores(options.scores, examples, root, artifact.labels)
    else:
        outcomes = _score(artifact, examples, options.workers)
    with _errors_named(options.output):  # whatever becomes of the rest, the scores are kept
        write_predictions(options.output / PREDICTIONS, outcomes, root, artifact.labels)
    aligned = align(outcomes, artifact.labels)
    evaluation = evaluate_scores(aligned, artifact.labels, options.base_rates)
    document = make_document(artifact, examples, evaluation)
    if other:
        former = other.document
        document["comparison"] = compare(outcomes, other, artifact.labels).as_dict()
    worst = pictures.worst(outcomes, artifact.labels)
    if not options.scores:  # a table of them may be another model's
        worst = overlays.add_overlays(worst, artifact, options.workers)
    by_class = pictures.worst_by_class(outcomes, artifact.labels)
    html = page.render_page(document, aligned, worst, former, worst_by_class=by_class)
    with _errors_named(options.output):
        (options.output / DOCUMENT).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        (options.output / PAGE).write_text(html, encoding="utf-8")
    compared = f"\n{render_comparison(document['comparison'])}" if other else ""
    sys.stdout.write(f"{render_markdown(evaluation)}{compared}\n{options.output / PAGE}\n")
    return 0


def _read_other(
    folder: Path, examples: Sequence[Example], root: Path, labels: Sequence[str]
) -> OtherEvaluation:
    return read_other(folder / DOCUMENT, folder / PREDICTIONS, examples, root, labels)


def check_artifact_labels(examples: Sequence[Example], labels: Sequence[str]) -> None:
    """Check before hours of scoring that a model can be evaluated on examples.

    Raises:
        EvaluationError: A label is not the model's, or all images are of the target class, or none is.
    """
    if strange := next((example for example in examples if example.label not in labels), None):
        known = ", ".join(labels)
        raise EvaluationError(f"{strange.path}: the model has no class {strange.label!r}; it has {known}")
    target = labels[target_of(labels)]
    if len({example.label == target for example in examples}) < len((True, False)):
        raise EvaluationError(f"images of {target!r} and of something else are needed to evaluate a model")


def write_predictions(
    path: Path, outcomes: Sequence[Outcome], root: Path | None, labels: Sequence[str]
) -> None:
    """Write a CSV with a row per file: what it is, its scores, its predicted class (`verdict`) or its error.

    Files are named by their paths below the root; without one, as their source has them. `original` is that
    name in any case: of a hold-out's file, the one that it was made of.
    """
    columns = [
        "path",
        "original",
        "label",
        "category",
        "source",
        "recoding",
        *(SCORE_PREFIX + label for label in labels),
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*columns, "verdict", "right", "error"])
        for outcome in outcomes:
            example = outcome.example
            name = example.original if root is None else name_of(example, root)
            facts = [name, example.original, example.label, example.category, example.source]
            table.writerow(
                [*facts, outcome.recoding, *_prediction_cells(outcome, labels), outcome.error or ""]
            )


def _prediction_cells(outcome: Outcome, labels: Sequence[str]) -> list[str]:
    """Scores, predicted class, and whether that is right; nothing where there is no score."""
    if outcome.scores is None:
        return [""] * (len(labels) + 2)
    verdict = predict_class(outcome.scores, labels)
    scores = [f"{score:.{TABLE_DECIMALS}f}" for score in outcome.scores]
    return [*scores, verdict, "right" if verdict == outcome.example.label else "wrong"]


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvaluationError(f"cannot write to {path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="logo-evaluate",
        description="How good is a model on a set of images?",
        epilog="Exit status: 0 if the model was evaluated, however it did; 2 if it could not be.",
    )
    option = parser.add_argument
    option(
        "--data",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="images: with a manifest, or a folder per class",
    )
    option(
        "--model",
        metavar="PATH",
        type=Path,
        default=shipped_artifact(),
        help="an artifact's folder, or a .keras file of LiftWing's (default %(default)s)",
    )
    option("--output", metavar="FOLDER", type=Path, default=DEFAULT_OUTPUT, help="default %(default)s")
    former = parser.add_mutually_exclusive_group()
    former.add_argument(
        "--against", metavar="FILE", type=Path, help=f"a former {DOCUMENT}, to compare numbers with"
    )
    former.add_argument(
        "--beside",
        metavar="FOLDER",
        type=Path,
        help="the --output of another model on the same files: compared image by image, with intervals",
    )
    option(
        "--base-rates",
        metavar="SHARES",
        type=base_rates,
        default=BASE_RATES,
        help="of a class among uploads, with commas between them (default: those of logos on Commons,"
        f" {','.join(f'{rate:g}' for rate in BASE_RATES)})",
    )
    option(
        "--scores",
        metavar="FILE",
        type=Path,
        help=f"a {PREDICTIONS}, whose scores are taken instead of scoring the files",
    )
    option(
        "--workers",
        metavar="N",
        type=_positive,
        default=available_cores(),
        help="scoring processes (default: one per core, here %(default)s)",
    )
    return parser


def base_rates(text: str) -> tuple[float, ...]:
    """Shares above 0 and below 1, as an option has them. Raises argparse.ArgumentTypeError."""
    try:
        rates = tuple(float(part) for part in text.split(","))
    except ValueError:
        rates = ()
    if not rates or not all(0 < rate < 1 for rate in rates):
        raise argparse.ArgumentTypeError(f"{text!r} is not shares between 0 and 1, such as 0.01,0.1")
    return rates


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
