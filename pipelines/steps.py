"""The steps: what each does with files and folders, by the project's own commands. Nothing of Kubeflow.

check_parameters, import_categories, train, evaluate, check_gate, export, score_sample: in this order. And
search, which finds a recipe for them.
"""

import csv
import hashlib
import json
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.dataset as ds

import training
from batch.rows import SCHEMA
from datasets.manifest import read_examples
from evaluation.document import read_document
from evaluation.evaluate import DOCUMENT, PAGE, PREDICTIONS
from evaluation.outcomes import SCORE_PREFIX
from evaluation.report import HEADLINE
from logo_detection.artifact import Artifact, load_artifact
from logo_detection.commands import hint
from logo_detection.cores import available_cores
from pipelines.commands import run_command
from pipelines.errors import PipelineError
from release.gate import Finding, check_thresholds, thresholds_of
from training.place import MAX_PROCESSES, Place
from training.recipe import read_recipe, shipped_recipes
from training.run import Run

RECIPES = Path(training.__file__).parent / "recipes"
MAX_SAMPLE = 1_000  # files; their names are arguments of one command
SCORE_TOLERANCE = 1e-4
"""The largest difference between a file's score and that of the evaluation: hosts round differently."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_VERSION_LINE = re.compile(r"^version\s*=.*$", re.MULTILINE)


def check_parameters(
    recipe: str, version: str, thresholds: Mapping[str, Any], sample: int, processes: int = 1
) -> str:
    """Whatever can be refused before there are images; the recipe's text. Raises LogoDetectionError."""
    thresholds_of(thresholds)
    check_sample(sample)
    text = recipe_text(recipe, version)
    with TemporaryDirectory(prefix="logo-pipeline-") as scratch:
        file = Path(scratch) / "recipe.toml"
        file.write_text(text)
        checked = read_recipe(file)
    if not 1 <= processes <= MAX_PROCESSES:
        raise PipelineError(f"processes: {processes} is not 1 to {MAX_PROCESSES}")
    for stage in checked.stages:
        Place(processes=processes).rows(stage.batch)
    if checked.fold is not None:
        raise PipelineError("recipe: has a fold, and a run on a fold makes no model")
    return text


@dataclass(frozen=True, slots=True)
class WikiImport:
    """Which files of which wiki to import, as `logo-import` has it."""

    categories: Sequence[str]
    contact: str
    depth: int
    limit: int
    api: str


def import_categories(wiki: WikiImport, into: Path, timeout_s: float) -> int:
    """Make a data set of categories; how many files it has. Raises PipelineError."""
    options = [part for category in wiki.categories for part in ("--category", category)]
    options += ["--contact", wiki.contact, "--api", wiki.api]
    limits = ("--depth", wiki.depth, "--limit", wiki.limit)
    run_command("datasets.commons", *options, *limits, "--into", into, timeout_s=timeout_s)
    return len(read_examples(into))


def recipe_text(recipe: str, version: str = "") -> str:
    """A recipe's TOML, with another version if one is given.

    Args:
        recipe: The name of one of `training/recipes`, or TOML.
        version: Empty for the recipe's own; `{date}` in it stands for the day, in UTC.

    Raises:
        PipelineError: There is no such recipe, it has no version, or that is none.
    """
    known = shipped_recipes()
    if "\n" not in recipe and recipe not in known:
        raise PipelineError(
            f"recipe: {recipe!r} is neither TOML nor one of {', '.join(known)}{hint(recipe, known)}"
        )
    text = recipe if "\n" in recipe else known[recipe].read_text()
    if not version:
        return text
    version = version.replace("{date}", datetime.now(UTC).strftime("%Y%m%d"))
    if not _VERSION.fullmatch(version):
        raise PipelineError(f"version: {version!r} is not a plain name")
    text = _VERSION_LINE.sub(f'version = "{version}"', text, count=1)
    try:
        found = tomllib.loads(text).get("version")
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"recipe: is no TOML ({error})") from error
    if found != version:
        raise PipelineError("recipe: has no line `version = ...` of its own to be changed")
    return text


@dataclass(frozen=True, slots=True)
class TrainingOutputs:
    """The folders that a training writes.

    Attributes:
        candidate: The artifact.
        holdout: The images that were not trained on, with a manifest.
        record: Recipe, sources, history, logs of TensorBoard, evaluation.
    """

    candidate: Path
    holdout: Path
    record: Path


def train(
    data: Path, recipe: str, weights: str, results: TrainingOutputs, timeout_s: float, processes: int = 1
) -> Artifact:
    """Train by a recipe's text, and keep all but what can be made again. Raises LogoDetectionError."""
    with TemporaryDirectory(prefix="logo-pipeline-") as scratch:
        run, file = Run(Path(scratch) / "run"), Path(scratch) / "recipe.toml"
        file.write_text(recipe)
        options = ["--data", data, "--recipe", file, "--run", run.path, "--export", results.candidate]
        options += ["--weights", weights] if weights else []
        options += ["--processes", processes]
        run_command("training.train", *options, "--workers", available_cores(), timeout_s=timeout_s)
        shutil.move(run.validation, results.holdout)
        heavy = shutil.ignore_patterns(run.training.name, run.artifact.name, "*.keras", "progress.json")
        shutil.copytree(run.path, results.record, ignore=heavy)
    return load_artifact(results.candidate)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What is searched.

    Attributes:
        recipe: The name of one of `training/recipes`, or TOML.
        space: What may change in it, as TOML; empty for the file beside the named recipe.
        trials: How many.
        seeds: Runs of the recipe, and of the best one, to compare them.
    """

    recipe: str
    space: str
    trials: int
    seeds: int


@dataclass(frozen=True, slots=True)
class SearchFiles:
    """The files of a search: the best recipe, the page, and `result.json`."""

    best: Path
    page: Path
    result: Path


def search(data: Path, plan: SearchPlan, files: SearchFiles, timeout_s: float) -> dict[str, float]:
    """Find a recipe. Returns the best trial's measure, and its gain where it was compared.

    Raises:
        LogoDetectionError: The recipe or the space is none, or the search failed.
    """
    with TemporaryDirectory(prefix="logo-pipeline-") as scratch:
        recipe, space, to = (Path(scratch) / name for name in ("recipe.toml", "space.toml", "search"))
        recipe.write_text(recipe_text(plan.recipe))
        space.write_text(space_text(plan.recipe, plan.space))
        options = ("--data", data, "--recipe", recipe, "--space", space, "--to", to)
        counts = ("--trials", plan.trials, "--seeds", plan.seeds, "--workers", available_cores())
        run_command("search", *options, *counts, timeout_s=timeout_s)
        for name, place in (
            ("best.toml", files.best), ("report.html", files.page), ("result.json", files.result),
        ):  # fmt: skip
            shutil.move(to / name, place)
    result = json.loads(files.result.read_text())
    found = {f"best_{result['measure']}": float(result["trials"][result["best"]]["value"])}
    if gain := result["gain"]:
        found |= {f"gain_{end}": float(gain[end]) for end in ("mean", "low", "high")}
    return found


def space_text(recipe: str, space: str) -> str:
    """A space's TOML: that which is given, or else the named recipe's. Raises PipelineError."""
    if space:
        return space
    file = RECIPES / f"{recipe}.search.toml"
    if "\n" in recipe or not file.is_file():
        raise PipelineError("space: is empty, and the recipe has no .search.toml in training/recipes")
    return file.read_text()


@dataclass(frozen=True, slots=True)
class EvaluationFiles:
    """The files of an evaluation: `evaluation.json`, the page, the table of predictions."""

    document: Path
    page: Path
    predictions: Path


def evaluate(model: Path, holdout: Path, files: EvaluationFiles, timeout_s: float) -> dict[str, float]:
    """Evaluate an artifact. Returns its headline: `png_auc_pr` and so on. Raises LogoDetectionError."""
    with TemporaryDirectory(prefix="logo-pipeline-") as scratch:
        options = ("--model", model, "--data", holdout, "--output", scratch)
        run_command("evaluation.evaluate", *options, timeout_s=timeout_s)
        places = {DOCUMENT: files.document, PAGE: files.page, PREDICTIONS: files.predictions}
        for name, place in places.items():
            shutil.move(Path(scratch) / name, place)
    return headline(read_document(files.document))


def headline(document: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an `evaluation.json` that a list of runs shows, by recoding and name."""
    found: dict[str, float] = {}
    for recoding, metrics in document["evaluation"]["by_recoding"].items():
        prefix = recoding.replace(" ", "_")
        found |= {f"{prefix}_{name}": metrics[name] for name in HEADLINE}
        found |= {f"{prefix}_recall_{label}": one["recall"] for label, one in metrics["classes"].items()}
        for target, points in document["evaluation"]["rate_points_by_recoding"][recoding].items():
            for rate, recall in ((point["false_alarm_rate"], point["recall"]) for point in points):
                if recall is not None:
                    found[f"{prefix}_{target}_found_at_{1000 * rate:g}_in_1000"] = recall["share"]
    return found


def check_gate(document: Path, thresholds: Mapping[str, Any]) -> list[Finding]:
    """What the gate looked at, if it is open. Raises GateClosed, or ThresholdsInvalid."""
    return check_thresholds(read_document(document), thresholds_of(thresholds))


def export(candidate: Path, destination: Path) -> Artifact:
    """Copy an artifact to where it is served from, and verify what came there. Raises ArtifactError."""
    shutil.copytree(candidate, destination)
    return load_artifact(destination)


@dataclass(frozen=True, slots=True)
class SampleResult:
    """The comparison of a sample's scores with those of the evaluation.

    Attributes:
        files: How many were scored.
        difference: The largest difference between a score and that of the evaluation.
    """

    files: int
    difference: float


def score_sample(
    model: Path, holdout: Path, predictions: Path, count: int, rows: Path, timeout_s: float
) -> SampleResult:
    """Score some of the hold-out as a batch job does, and compare.

    Args:
        model: The artifact.
        holdout: The images.
        predictions: What the evaluation found, a row per image.
        count: Images to score, at most MAX_SAMPLE; the same ones every time.
        rows: The folder of Parquet to write.
        timeout_s: Seconds.

    Raises:
        PipelineError: A file has no row, no score, or another one than in the evaluation.
    """
    check_sample(count)
    if not (expected := _sampled(predictions, count)):
        raise PipelineError("sample: no file has a score in the evaluation")
    options = ("--model", model, "--output", rows, "--read", "files", "--")
    run_command("batch.score", *options, *expected, timeout_s=timeout_s, folder=holdout)
    found = {row["filename"]: dict(row["scores"] or ()) for row in _rows(rows)}
    if len(found) != len(expected):
        raise PipelineError(f"the batch job wrote {len(found)} rows for {len(expected)} files")
    differences = [_difference(name, found.get(name, {}), scores) for name, scores in expected.items()]
    return SampleResult(len(expected), max(differences))


def check_sample(count: int) -> None:
    """Raises PipelineError where so many files cannot be named to one command."""
    if not 1 <= count <= MAX_SAMPLE:
        raise PipelineError(f"sample: {count} is not 1 to {MAX_SAMPLE:,}")


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ds.dataset(folder, schema=SCHEMA, format="parquet").to_table().to_pylist()
    return rows


def _sampled(predictions: Path, count: int) -> dict[str, dict[str, float]]:
    """Some of the files that have a score, and their scores by label."""
    with predictions.open(newline="", encoding="utf-8") as file:
        scored = [row for row in csv.DictReader(file) if not row["error"]]
    scored.sort(key=lambda row: hashlib.sha256(row["path"].encode()).digest())
    return {
        row["path"]: {
            name.removeprefix(SCORE_PREFIX): float(value)
            for name, value in row.items()
            if name.startswith(SCORE_PREFIX)
        }
        for row in scored[:count]
    }


def _difference(name: str, found: Mapping[str, float], expected: Mapping[str, float]) -> float:
    if found.keys() != expected.keys():
        raise PipelineError(f"{name}: the batch job gives it no score")
    difference = max(abs(found[label] - expected[label]) for label in expected)
    if not difference <= SCORE_TOLERANCE:
        raise PipelineError(f"{name}: its score differs from that of the evaluation by {difference:.1e}")
    return difference
