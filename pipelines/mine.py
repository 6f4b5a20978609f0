"""logo-mine: from a folder of your own pictures, with a folder per class, to a model that is served.

    logo-mine photos/

survey -> one pass of the shipped model's backbone -> twins -> a head -> evaluation -> artifact

Exit status 0: the artifact is there, whole, and the last line serves it; 2: it cannot be made as it is.
"""

import argparse
import logging
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter

from batch.options import positive, share, value
from datasets.manifest import CSV_NAME, Example, manifest_of, read_examples, write_examples
from datasets.progress import Progress, Waiting
from datasets.survey import check_names, lines_of, plain_name, some_of, survey_of
from evaluation.evaluate import PAGE, base_rates, evaluate_artifact
from evaluation.outcomes import PAIR, Outcome, name_of
from evaluation.report import render_markdown
from heads.holdout import HoldoutResult, balanced_accuracy, evaluate_holdout, serving_head
from heads.labels import Plan, make_plan, small_classes
from heads.publication import facts_of, unfinished, write_report
from heads.scikit_learn import REG_PARAMS, LocalHead, train_head
from logo_detection.artifact import MANIFEST, Artifact, load_artifact, shipped_artifact
from logo_detection.commands import Parser, run_command
from logo_detection.cores import available_cores
from pipelines.errors import PipelineError
from pipelines.fine_tuning import check_source, fine_tune
from pipelines.picture_features import Picture, read_pictures
from pipelines.twins import Twins, find_twins
from release.new_head import write_artifact

MAX_IMAGES = 50_000
"""Of a set: their features are in memory, 5 kB each. More are for `logo-batch --embed` and `logo-fit`."""

ARTIFACT, IMAGES, FILES, FINE_TUNING = "artifact", "images", "files", "fine-tuning"
"""In the output: the model, the set as training reads it, in that a link to the user's folder, a training."""

INTERRUPTED = "the same command begins anew; a fine-tuning goes on from its last checkpoint"

USUAL_WRITING_S = 25.0
_SHOWN = 5  # files, of more that there are


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command("logo-mine", partial(make_model, options), INTERRUPTED)


def make_model(options: argparse.Namespace) -> None:
    """Make a model of a folder of pictures, as the options say.

    Raises:
        LogoDetectionError: It cannot be made. An artifact that was there is left.
    """
    began = perf_counter()
    examples = read_named(options.data)
    survey = survey_of(options.data, examples)
    for line in lines_of(survey):
        say(f"{options.data}: {line}")
    check_names(list(survey.labels))
    artifact_path = options.output / ARTIFACT
    check_output(options.output, options.data)
    source = load_artifact(options.model)
    if options.fine_tune:
        check_source(source)
    with Progress("reading the pictures", len(examples), "files") as progress:
        pictures = read_pictures(source, examples, options.workers, progress.advance)
    twins = find_twins(pictures)
    for line in (*lines_of_pictures(pictures, source), *lines_of_twins(twins)):
        say(line)
    plan = make_plan(twins.examples, options.hold_out, options.seed, ())
    for line in small_classes(plan):
        say(line)
    trained = fit(pictures, plan, options.seed)
    unread = [Outcome(one.example, None, one.error) for one in pictures if one.seen is None]
    holdout = evaluate_holdout(plan, trained.logits, unread, options.base_rates)
    write_set(options.output / IMAGES, options.data, twins.examples)
    with Waiting("writing and checking the artifact", USUAL_WRITING_S):
        write_model(options, source, plan, trained, holdout)
    say(f"{artifact_path}: {len(plan.train_labels)} classes, in {perf_counter() - began:.0f} s")
    accuracy = balanced_accuracy(plan, trained.logits)
    sys.stdout.write(
        f"{render_markdown(holdout.evaluation)}\n"
        f"balanced accuracy on {len(plan.holdout_examples)} images that were not trained on: {accuracy:.3f}\n"
        f"{options.output / PAGE}\n"
    )
    served = artifact_path
    if options.fine_tune:
        served = better_of(options, source, plan, artifact_path, accuracy)
    sys.stdout.write(f"MODEL_PATH={shlex.quote(str(served))} make run\n")


def better_of(options: argparse.Namespace, source: Artifact, plan: Plan, head: Path, accuracy: float) -> Path:
    """Fine-tune, tell how good that is, and return the better artifact: the head's where they are as good.

    Both are measured on the same files. Of two the better one looks a little better than it is.
    """
    runs = options.output / FINE_TUNING
    tuned = fine_tune(source, options.output / IMAGES, runs, options.seed, options.hold_out)
    evaluation = evaluate_artifact(tuned, plan.holdout_examples, options.workers)
    tuned_accuracy = next(iter(evaluation.by_recoding.values())).balanced_accuracy
    sys.stdout.write(f"balanced accuracy of the fine-tuned model on the same images: {tuned_accuracy:.3f}\n")
    return tuned if tuned_accuracy > accuracy else head


def say(line: str) -> None:
    """Tell the user a line."""
    sys.stderr.write(f"logo-mine: {line}\n")


def read_named(data: Path) -> list[Example]:
    """The examples of a set, each named by its path below the set's folder.

    Raises:
        DatasetInvalid: There is no such set; see `datasets.manifest`.
        PipelineError: It has more than MAX_IMAGES.
    """
    examples = read_examples(data)
    if len(examples) > MAX_IMAGES:
        raise PipelineError(
            f"{data}: {len(examples):,} images are more than {MAX_IMAGES:,}: use logo-batch --embed, logo-fit"
        )
    root = folder_of(data)
    named = ((example, name_of(example, root)) for example in examples)
    return [
        replace(example, original=name, metadata={**example.metadata, PAIR: name}) for example, name in named
    ]


def check_output(output: Path, data: Path) -> None:
    """Refuse an output that would be lost, or would harm the pictures, before there is any work.

    Raises:
        PipelineError: It is among the pictures or would replace them, nothing can be written there, or what
            lies at the artifact's place is no artifact.
    """
    artifact, root = output / ARTIFACT, folder_of(data).resolve()
    if manifest_of(data) is None and output.resolve().is_relative_to(root):
        raise PipelineError(f"--output: {output} is among the pictures of {data}: choose one beside them")
    if any(root.is_relative_to(written.resolve()) for written in (artifact, output / IMAGES)):
        raise PipelineError(f"--output: {output} would replace {data}, which it reads: choose another folder")
    if artifact.exists() and not (artifact / MANIFEST).is_file():
        raise PipelineError(f"{artifact} is no artifact that could be replaced: choose another --output")
    try:
        nearest = next(place for place in (output, *output.absolute().parents) if place.exists())
        with TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise PipelineError(f"--output: cannot write to {output}: {error.strerror}") from error


def folder_of(data: Path) -> Path:
    """The folder of a set, which is given by its folder or by its manifest."""
    return data if data.is_dir() else data.parent


def lines_of_pictures(pictures: Sequence[Picture], source: Artifact) -> list[str]:
    """What could not be read, and of what sizes the rest is."""
    said = []
    errors = Counter(one.error for one in pictures if one.seen is None)
    if errors:
        names = some_of([f"{one.example.path} ({one.error})" for one in pictures if one.seen is None], _SHOWN)
        said.append(f"{sum(errors.values())} files cannot be read, and are left out: {names}")
    sizes = [(one.seen.width, one.seen.height) for one in pictures if one.seen is not None]
    if sizes:
        least, most = (choose(sizes, key=lambda size: size[0] * size[1]) for choose in (min, max))
        line = f"sizes: {least[0]} x {least[1]} to {most[0]} x {most[1]} pixels"
        small = sum(max(size) < source.spec.width for size in sizes)
        more = f"; {small} are smaller than the {source.spec.width} at which the model looks" if small else ""
        said.append(line + more)
    return said


def lines_of_twins(twins: Twins) -> list[str]:
    """What looks alike, and what was done about it."""
    said = []
    if twins.alike:
        files = sum(map(len, twins.alike))
        said.append(f"{files} files look alike, and stay together: {some_of(_pairs(twins.alike), _SHOWN)}")
    if twins.contradictory:
        names = some_of(_pairs(twins.contradictory), _SHOWN)
        said.append(f"WARNING: these look alike and have different classes: {names}")
    if twins.left_out:
        said.append(
            f"WARNING: the same file has two classes, and is left out: {some_of(twins.left_out, _SHOWN)}"
        )
    return said


def _pairs(clusters: Sequence[Sequence[str]]) -> list[str]:
    return [" = ".join(members) for members in clusters]


def fit(pictures: Sequence[Picture], plan: Plan, seed: int) -> LocalHead:
    """Train the head on the features of a plan's pictures."""
    features = {one.example.original: one.seen.features for one in pictures if one.seen is not None}
    with Progress("training the head", len(REG_PARAMS) + 1, "trainings") as progress:
        return train_head(features, plan, seed, progress.advance)


def write_set(folder: Path, data: Path, examples: Sequence[Example]) -> None:
    """Write the set with its groups, so that a training keeps the same images out.

    Its files stay where they are: a link leads to them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder_of(data)
    link = folder / FILES
    link.unlink(missing_ok=True)
    link.symlink_to(root.resolve(), target_is_directory=True)
    write_examples(
        folder / CSV_NAME, [replace(example, path=link / example.original) for example in examples]
    )


def write_model(
    options: argparse.Namespace, source: Artifact, plan: Plan, trained: LocalHead, holdout: HoldoutResult
) -> None:
    """Write the report, and the artifact in place of one that was there."""
    head = serving_head(plan, trained.head, holdout.calibration.temperature)
    training = {
        "by": f"scikit-learn {version('scikit-learn')} LogisticRegression",
        "labels": options.data.resolve().name,
        "seed": options.seed,
        "hold_out": options.hold_out,
        "reg_param": trained.reg_param,
        "tuning": [dict(tried) for tried in trained.tuning],
    }
    name = options.name or plain_name(options.data.resolve().name)
    facts = facts_of(source, plan, head, holdout, training, name)
    place = options.output / ARTIFACT
    with unfinished(place) as directory:
        artifact = write_artifact(source, head, facts, directory)
        write_report(options.output, artifact, facts, holdout, pictured=True)
        if place.exists():
            shutil.rmtree(place)
        directory.rename(place)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="logo-mine",
        description="Make a model of your own pictures, and end with the line that serves it.",
        epilog="Exit status: 0 if the artifact is there, 2 if it cannot be made as things stand.",
    )
    option = parser.add_argument
    option("data", metavar="FOLDER", type=Path, help="pictures: a folder per class, or with a manifest")
    option(
        "--output",
        metavar="FOLDER",
        type=Path,
        default=Path("runs/mine"),
        help="page and artifact; those of an earlier time are replaced (default %(default)s)",
    )
    option(
        "--model",
        metavar="PATH",
        type=Path,
        default=shipped_artifact(),
        help="the artifact whose backbone is used (default %(default)s)",
    )
    option("--fine-tune", action="store_true", help="train the whole network, too, for some minutes")
    option("--name", help="of the model (default: that of the folder)")
    option("--hold-out", metavar="SHARE", type=value(share), default=0.3, help="default %(default)s")
    option("--seed", metavar="N", type=int, default=1, help="of the split (default %(default)s)")
    option(
        "--base-rates",
        metavar="SHARES",
        type=base_rates,
        default=(0.01, 0.1, 0.5),
        help="of a class among the pictures to come, for the page's thresholds (default 0.01,0.1,0.5)",
    )
    option(
        "--workers",
        metavar="N",
        type=value(positive),
        default=available_cores(),
        help="processes that read pictures (default: one per core, here %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
