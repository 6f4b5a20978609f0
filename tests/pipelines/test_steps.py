"""What the steps do with files: real commands, in processes of their own."""

import csv
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from datasets.manifest import read_examples
from evaluation.document import read_document
from evaluation.report import make_report
from logo_detection.artifact import load_artifact
from logo_detection.errors import ArtifactError, LogoDetectionError
from pipelines import steps
from pipelines.errors import PipelineError
from release.errors import GateClosed
from tests.pipelines.sets import brief_recipe, write_colours
from tests.wiki import WikiServer, small_commons

TIMEOUT_S = 120.0
SEARCH_TIMEOUT_S = 400.0
FILES = 12
FOLDED = "fold = { number = 0, of = 3 }\n" + steps.recipe_text("quick")


@dataclass(frozen=True)
class Evaluated:
    model: Path
    images: Path
    files: steps.EvaluationFiles
    headline: dict[str, float]


@pytest.fixture(scope="module")
def evaluated(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    directory = tmp_path_factory.mktemp("evaluated")
    images = write_colours(directory / "images", FILES // 2)
    (images / "logo" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    files = steps.EvaluationFiles(directory / "document", directory / "page", directory / "predictions")
    return Evaluated(artifact, images, files, steps.evaluate(artifact, images, files, TIMEOUT_S))


def test_the_headline_has_what_is_found_at_few_false_alarms() -> None:
    scores = np.repeat([[0.1, 0.9], [0.8, 0.2]], [10, 400], axis=0)
    truth = np.repeat([1, 0], [10, 400])
    report = make_report({"as is": scores}, truth, ("out_of_domain", "logo"), ["any"] * 410)
    found = steps.headline({"evaluation": report.as_dict()})
    assert {name: value for name, value in found.items() if "found_at" in name} == {
        "as_is_logo_found_at_10_in_1000": 1.0,
        "as_is_logo_found_at_3_in_1000": 1.0,
    }


@pytest.mark.slow
def test_an_evaluation_leaves_document_page_and_predictions(evaluated: Evaluated) -> None:
    assert evaluated.headline["as_is_auc_pr"] == 1
    assert evaluated.headline["as_is_recall_logo"] == 1
    assert read_document(evaluated.files.document)["data"]["files"] == FILES + 1
    assert evaluated.files.page.read_text().lower().startswith("<!doctype html>")
    with evaluated.files.predictions.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == FILES + 1


@pytest.mark.slow
def test_a_file_without_a_score_is_seen_by_the_gate(evaluated: Evaluated) -> None:
    thresholds = {"min_class_images": 1, "max_calibration_error": 1}
    with pytest.raises(GateClosed, match=r"misses 1 of 8:\n  files without a score: 0.07692"):
        steps.check_gate(evaluated.files.document, thresholds)
    assert len(steps.check_gate(evaluated.files.document, {**thresholds, "max_unscored": 0.1})) == 8


@pytest.mark.slow
def test_a_sample_is_scored_as_in_the_evaluation(evaluated: Evaluated, tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    sample = steps.score_sample(
        evaluated.model, evaluated.images, evaluated.files.predictions, 5, rows, TIMEOUT_S
    )
    assert sample.files == 5
    assert sample.difference < 1e-6
    written = ds.dataset(rows).to_table().to_pylist()
    assert len(written) == 5
    assert all((evaluated.images / row["filename"]).is_file() and row["error"] is None for row in written)


@pytest.mark.slow
def test_a_release_that_scores_otherwise_than_in_the_evaluation_fails(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    predictions = tmp_path / "predictions"
    header, *lines = evaluated.files.predictions.read_text().splitlines()
    columns = header.split(",")
    changed = [line.split(",") for line in lines]
    for row in changed:
        if row[columns.index("score_logo")]:
            row[columns.index("score_logo")] = "0.5"
    predictions.write_text("\n".join([header, *(",".join(row) for row in changed)]) + "\n")
    with pytest.raises(PipelineError, match="differs from that of the evaluation"):
        steps.score_sample(evaluated.model, evaluated.images, predictions, 2, tmp_path / "rows", TIMEOUT_S)


@pytest.mark.slow
def test_a_sample_of_a_folder_where_nothing_has_a_score_fails(evaluated: Evaluated, tmp_path: Path) -> None:
    predictions = tmp_path / "predictions"
    predictions.write_text(evaluated.files.predictions.read_text().splitlines()[0] + "\n")
    with pytest.raises(PipelineError, match="no file has a score"):
        steps.score_sample(evaluated.model, evaluated.images, predictions, 2, tmp_path / "rows", TIMEOUT_S)


def test_an_export_is_the_artifact_verified(artifact: Path, tmp_path: Path) -> None:
    released = steps.export(artifact, tmp_path / "release")
    assert released.path == tmp_path / "release"
    assert released.version == load_artifact(artifact).version
    (tmp_path / "release" / "model.onnx").write_bytes(b"another")
    with pytest.raises(ArtifactError):
        steps.export(tmp_path / "release", tmp_path / "again")


def test_categories_become_a_data_set(tmp_path: Path) -> None:
    with WikiServer(small_commons(6)) as served:
        wiki = steps.WikiImport(
            ["logo=Category:Logos", "out_of_domain/photo=Category:Photographs"],
            contact="ops@example.org", depth=2, limit=4, api=served.api,
        )  # fmt: skip
        assert steps.import_categories(wiki, tmp_path / "data", TIMEOUT_S) == 8
    assert {example.category for example in read_examples(tmp_path / "data")} == {"logo", "photo"}


def test_a_recipe_is_named_or_given_as_it_is() -> None:
    text = steps.recipe_text("quick")
    assert tomllib.loads(text)["name"] == "quick"
    assert steps.recipe_text(text) == text


def test_a_recipe_may_have_another_version_and_stays_itself_otherwise() -> None:
    before = tomllib.loads(steps.recipe_text("quick"))
    assert tomllib.loads(steps.recipe_text("quick", "2.0.0-rc1")) == {**before, "version": "2.0.0-rc1"}
    days = [datetime.now(UTC)]
    dated = tomllib.loads(steps.recipe_text("quick", "2.0.{date}"))["version"]
    days.append(datetime.now(UTC))
    assert dated in {f"2.0.{day:%Y%m%d}" for day in days}


def test_a_space_is_given_or_stands_beside_the_named_recipe() -> None:
    assert steps.space_text("quick", "[floats]\n") == "[floats]\n"
    assert "weight_decay" in tomllib.loads(steps.space_text("quick", ""))["floats"]
    for recipe in ("vgg16", steps.recipe_text("quick")):
        with pytest.raises(PipelineError, match="space: is empty, and the recipe has no"):
            steps.space_text(recipe, "")


@pytest.mark.slow
def test_a_search_leaves_a_recipe_a_page_and_its_result(tmp_path: Path) -> None:
    images = write_colours(tmp_path / "images", FILES // 2)
    files = steps.SearchFiles(tmp_path / "best", tmp_path / "page", tmp_path / "result")
    plan = steps.SearchPlan(brief_recipe(), steps.space_text("quick", ""), trials=1, seeds=0)
    found = steps.search(images, plan, files, SEARCH_TIMEOUT_S)
    assert found["best_auc_pr"] > 0
    assert tomllib.loads(files.best.read_text()) == tomllib.loads(brief_recipe())
    assert files.page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"recipe": "quikc"}, "recipe: 'quikc' is neither TOML nor one of distilled, efficientnetv2-b0"),
        ({"recipe": "../recipes/quick"}, "is neither TOML nor one of"),
        ({"recipe": 'name = "a"\nlabels = ["a"]\n'}, "recipe.toml"),
        ({"recipe": 'name = "a"\n', "version": "2"}, "has no line `version"),
        ({"version": '1"\nname = "x'}, "is not a plain name"),
        ({"thresholds": {"min_auc": 0.9}}, "min_auc is none of"),
        ({"sample": 0}, "sample: 0 is not 1 to 1,000"),
        ({"sample": 1_001}, "sample: 1001 is not"),
        ({"processes": 0}, "processes: 0 is not 1 to 1024"),
        ({"processes": 3}, "a batch of 16 images cannot be divided among 3 processes"),
        ({"recipe": FOLDED}, "recipe: has a fold"),
    ],
)
def test_what_a_later_step_would_refuse_is_refused_first(given: dict[str, object], message: str) -> None:
    parameters = {"recipe": "quick", "version": "", "thresholds": {}, "sample": 10, **given}
    with pytest.raises(LogoDetectionError, match=message):
        steps.check_parameters(**parameters)  # type: ignore[arg-type]
