"""Jobs: the runner's way with an evaluation, and what lies where in its folder.

log.txt  predictions.csv  evaluation.json  report.html    of `logo-evaluate`
gallery.json  pictures/  heat_maps/  other_heat_maps/     of `studio.results.gallery`
common/  other/  difference.json                          of a comparison: the common hold-out, the other
model's evaluation, and how far apart they are
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Event

from pydantic import TypeAdapter

from datasets.manifest import read_examples
from evaluation.evaluate import PREDICTIONS
from evaluation.outcomes import Outcome, align, read_scores
from logo_detection.artifact import load_artifact
from studio.background.attempts import attempt, run_command
from studio.background.claims import STALE_S, claim_next
from studio.background.heart import Heart
from studio.background.process import Command
from studio.images.inspection import Inspector
from studio.images.store import FileStore
from studio.images.versions import folder_of
from studio.results.asking import ask_for_missing
from studio.results.common_holdout import write_common_holdout
from studio.results.figures import Difference, difference_of
from studio.results.gallery import OTHER_HEAT_MAPS, differing, draw, mistakes, write_gallery
from studio.results.models import Evaluation
from studio.settings import Settings
from training.run import Run as RunFolder

LOG = "log.txt"
COMMON, OTHER, DIFFERENCE = "common", "other", "difference.json"
TIMEOUT_S = 12 * 60 * 60.0
"""For one `logo-evaluate`, however many images there are."""

_DIFFERENCE = TypeAdapter(Difference)


def run_next_evaluation(settings: Settings, stopping: Event, stale_s: float = STALE_S) -> bool:
    """Do the oldest evaluation that waits, or whose runner is gone. Returns whether there was one.

    Where the runner is told to end meanwhile, the evaluation begins anew with the next runner.
    """
    ask_for_missing()
    evaluation = claim_next(Evaluation, stale_s)
    if evaluation is None:
        return False
    folder = evaluation.folder(settings.data)
    folder.mkdir(parents=True, exist_ok=True)
    do = _judge if evaluation.beside is None else _compare
    attempt(evaluation, stopping, partial(do, evaluation, folder, settings))
    return True


def read_difference(folder: Path) -> Difference:
    """That of a comparison."""
    return _DIFFERENCE.validate_json((folder / DIFFERENCE).read_bytes())


def _judge(evaluation: Evaluation, folder: Path, settings: Settings, heart: Heart) -> None:
    run = RunFolder(evaluation.run.folder(settings.data))
    _evaluate(evaluation, run.artifact, run.validation, folder, settings, heart)
    labels = load_artifact(run.artifact).labels
    found, total = mistakes(_outcomes(run.validation, folder, labels), labels)
    with _fence(run.artifact, settings) as inspector:
        draw(found, folder, inspector, heart.check)
    write_gallery(found, total, folder)


def _compare(evaluation: Evaluation, folder: Path, settings: Settings, heart: Heart) -> None:
    assert evaluation.beside is not None  # noqa: S101  it was chosen by that
    runs = tuple(RunFolder(each.folder(settings.data)) for each in (evaluation.run, evaluation.beside))
    one, other = runs[0].artifact, runs[1].artifact
    version = folder_of(evaluation.run.version, FileStore(settings.data.absolute()))
    images = write_common_holdout(version, (runs[0], runs[1]), folder / COMMON)
    _evaluate(evaluation, other, images, folder / OTHER, settings, heart)
    _evaluate(evaluation, one, images, folder, settings, heart, "--beside", str(folder / OTHER))
    labels = load_artifact(one).labels
    outcomes, others = _of_both(*(_outcomes(images, each, labels) for each in (folder, folder / OTHER)))
    difference = difference_of(align(outcomes, labels), align(others, labels), labels)
    (folder / DIFFERENCE).write_bytes(_DIFFERENCE.dump_json(difference))
    found, total = differing(outcomes, others, labels)
    with _fence(one, settings) as inspector:
        draw(found, folder, inspector, heart.check)
    with _fence(other, settings) as inspector:
        draw(found, folder, inspector, heart.check, OTHER_HEAT_MAPS)
    write_gallery(found, total, folder)


def _evaluate(
    evaluation: Evaluation,
    artifact: Path,
    images: Path,
    output: Path,
    settings: Settings,
    heart: Heart,
    *more: str,
) -> None:
    arguments = [
        "--model", str(artifact), "--data", str(images), "--output", str(output),
        "--workers", str(settings.workers), *more,
    ]  # fmt: skip
    command = Command("evaluation.evaluate", arguments, evaluation.folder(settings.data) / LOG)
    run_command(command, evaluation.mark, heart, settings.run_stop_timeout_s, TIMEOUT_S)


def _outcomes(images: Path, folder: Path, labels: tuple[str, ...]) -> list[Outcome]:
    return read_scores(folder / PREDICTIONS, read_examples(images), images, labels)


def _of_both(*outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """The outcomes of each model, of the images that both have scored."""
    whole = [all(one.scores is not None for one in same) for same in zip(*outcomes, strict=True)]
    return [[one for one, scored in zip(part, whole, strict=True) if scored] for part in outcomes]


def _fence(artifact: Path, settings: Settings) -> Inspector:
    loaded = load_artifact(artifact)
    return Inspector(loaded, settings.workers, settings.decode_timeout_s, settings.file_max_size)
