"""Distillation: a teacher's scores stand beside the pictures that it saw, and are a share of the targets."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datasets.manifest import Example
from logo_detection.artifact import Artifact, load_artifact
from tests.models import tiny_onnx, write_artifact
from tests.training.recipes import tiny_recipe, write_recipe
from training.batches import training_batches
from training.distillation import mix_targets, read_teachers, score_shards
from training.errors import RecipeInvalid, TrainingError
from training.materialise import ImageTask, MaterialisedImage
from training.pipeline import teachers_of
from training.recipe import Distillation, read_recipe
from training.run import Run
from training.schedule import chunks_of
from training.shards import Shards, read_batches, read_shards, write_shards

LABELS = ("out_of_domain", "logo")
SIDE = 32
BLUE_IS_LOGO = ((4.0, 0.0), (0.0, 0.0), (0.0, 4.0))
DISTILLED = ("[network]", "[distillation]\nweight = 1.0\ntemperature = 2.0\n\n[network]")


def made() -> Iterator[MaterialisedImage]:
    """Pictures of one red each, so that a teacher of red scores each otherwise."""
    for number in range(40):
        example = Example(Path(f"{number}.png"), LABELS[number % 2], "", "", "", "", "", str(number))
        pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
        pixels[..., 0] = 6 * number
        yield MaterialisedImage(ImageTask(example, "drawn", 0, 1), {}, {"degraded": pixels})


def expected(red: float) -> float:
    """The score as a logo that a teacher of red gives."""
    return 1 / (1 + math.exp(-4 * red / 255))


def make_teacher(directory: Path, **options: object) -> Artifact:
    directory.mkdir()
    tiny_onnx(directory / "model.onnx", side=SIDE, **options)  # type: ignore[arg-type]
    return load_artifact(write_artifact(directory, SIDE))


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    write_shards(tmp_path / "shards", made(), LABELS, SIDE)
    return read_shards(tmp_path / "shards")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_teacher(tmp_path_factory.mktemp("teacher") / "red")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, teacher: Artifact) -> Shards:
    directory = tmp_path_factory.mktemp("scored")
    write_shards(directory, made(), LABELS, SIDE)
    assert read_teachers(directory) is None
    score_shards(read_shards(directory), [teacher], workers=1)
    return read_shards(directory)


def test_targets_are_labels_and_softened_scores() -> None:
    labels, scores = np.array([[1.0, 0.0]], np.float32), np.array([[0.2, 0.8]], np.float32)
    np.testing.assert_allclose(mix_targets(labels, scores, Distillation(0.0)), labels)
    np.testing.assert_allclose(mix_targets(labels, scores, Distillation(1.0)), scores, atol=1e-6)
    np.testing.assert_allclose(mix_targets(labels, scores, Distillation(0.25)), [[0.8, 0.2]], atol=1e-6)
    np.testing.assert_allclose(  # the logit, ln 4, is halved: ln 2
        mix_targets(labels, scores, Distillation(1.0, 2.0)), [[1 / 3, 2 / 3]], atol=1e-6
    )


def test_a_score_of_nought_does_not_become_infinite() -> None:
    certain = np.eye(2, dtype=np.float32)
    targets = np.asarray(mix_targets(certain, certain, Distillation(1.0, 4.0)))
    assert np.isfinite(targets).all()
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)


def test_each_picture_comes_with_its_own_score(scored: Shards) -> None:
    seen = set()
    batches = read_batches(scored, (0.5, 0.5), seed=3, start=0, batch=4, scored=True)
    for pixels, indices, scores in batches.take(20):
        red = pixels.numpy()[:, 0, 0, 0].astype(float)
        np.testing.assert_allclose(scores[:, 1], [expected(one) for one in red], atol=1e-5)
        np.testing.assert_array_equal(indices, red / 6 % 2)
        seen.update(red)
    assert len(seen) == 40


def test_the_batches_of_a_distilled_recipe_have_softened_targets(tmp_path: Path, scored: Shards) -> None:
    recipe = tiny_recipe(tmp_path, DISTILLED)
    chunk = chunks_of(recipe.stages)[0]
    distilled = [targets for _, targets in training_batches(scored, recipe, chunk)]
    plain = [targets for _, targets in training_batches(scored, tiny_recipe(tmp_path), chunk)]
    for soft, hard in zip(distilled, plain, strict=True):
        logits = np.log(soft[:, 1] / soft[:, 0])
        assert ((logits >= 0) & (logits <= 2)).all()  # the teacher's are 0 to 4
        assert set(hard.numpy().ravel()) == {0.0, 1.0}


def test_several_teachers_are_averaged(tmp_path: Path, shards: Shards, teacher: Artifact) -> None:
    other = make_teacher(tmp_path / "blue", weights=BLUE_IS_LOGO)
    score_shards(shards, [teacher, other], workers=1)
    pixels, _, scores = next(iter(read_batches(shards, (0.5, 0.5), 3, 0, 4, scored=True)))
    np.testing.assert_allclose(scores.numpy(), 0.5, atol=1e-5)  # what one adds for red, the other takes away
    assert pixels.numpy().any()


def test_shards_keep_who_scored_them_and_are_scored_once(
    tmp_path: Path, scored: Shards, teacher: Artifact
) -> None:
    written = read_teachers(scored.directory)
    assert written is not None
    assert [(one["name"], one["version"], len(one["sha256"])) for one in written] == [
        ("mean-colour", "1", 64)
    ]
    before = Path(scored.files("logo")[0] + ".scores").stat().st_mtime_ns
    score_shards(scored, [teacher], workers=1)
    assert Path(scored.files("logo")[0] + ".scores").stat().st_mtime_ns == before
    with pytest.raises(TrainingError, match="scored by other teachers: choose another --run"):
        score_shards(scored, [make_teacher(tmp_path / "blue", weights=BLUE_IS_LOGO)], workers=1)


def test_a_teacher_of_other_labels_or_another_size_is_refused(tmp_path: Path, shards: Shards) -> None:
    (tmp_path / "swapped").mkdir()
    tiny_onnx(tmp_path / "swapped" / "model.onnx", side=SIDE)
    swapped = load_artifact(write_artifact(tmp_path / "swapped", SIDE, ("logo", "out_of_domain")))
    with pytest.raises(TrainingError, match="labels logo, out_of_domain"):
        score_shards(shards, [swapped], workers=1)
    (tmp_path / "large").mkdir()
    tiny_onnx(tmp_path / "large" / "model.onnx")
    large = load_artifact(write_artifact(tmp_path / "large"))
    with pytest.raises(TrainingError, match="224 x 224 pixels, and the images have 32"):
        score_shards(shards, [large], workers=1)
    assert not (shards.directory / "teachers.json").exists()


def test_a_recipe_and_the_command_agree_on_whether_there_is_a_teacher(
    tmp_path: Path, teacher: Artifact
) -> None:
    distilled, plain, run = tiny_recipe(tmp_path, DISTILLED), tiny_recipe(tmp_path), Run(tmp_path / "run")
    assert teachers_of(distilled, run, [teacher.path]) == [teacher.path]
    assert teachers_of(plain, run, []) == []
    with pytest.raises(TrainingError, match="name an artifact by --teacher"):
        teachers_of(distilled, run, [])
    with pytest.raises(TrainingError, match=r"has no \[distillation\]"):
        teachers_of(plain, run, [teacher.path])
    with pytest.raises(TrainingError, match=r"nowhere is no artifact: run `make teacher` first"):
        teachers_of(distilled, run, [tmp_path / "nowhere"])


def test_the_teachers_of_a_recipe_are_looked_for_in_its_run(tmp_path: Path, teacher: Artifact) -> None:
    stages = "stages = [{ size = 32, images = 16, batch = 8, rate = 1e-3, last_rate = 1e-4 }]"
    named = f'[[distillation.teachers]]\nnetwork = "efficientnet-lite0"\n{stages}\n\n[network]'
    recipe = tiny_recipe(tmp_path, DISTILLED, ("[network]", named))
    assert recipe.distillation is not None
    assert recipe.distillation.teachers[0].stages[0].images == 16
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match="teachers/efficientnet-lite0/artifact is no artifact"):
        teachers_of(recipe, run, [])
    shutil.copytree(teacher.path, run.teacher("efficientnet-lite0").artifact)
    assert teachers_of(recipe, run, []) == [run.teacher("efficientnet-lite0").artifact]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("weight = 1.5", "distillation: weight: 1.5 is not 0 to 1"),
        ("weight = 0.5\ntemperature = 0", "distillation: temperature: 0 is not above 0"),
        ("weight = 0.5\nwieght = 1", "wieght"),
    ],
)
def test_a_distillation_that_cannot_be_is_refused(tmp_path: Path, value: str, message: str) -> None:
    path = write_recipe(tmp_path, ("[network]", f"[distillation]\n{value}\n\n[network]"))
    with pytest.raises(RecipeInvalid, match=message):
        read_recipe(path)
