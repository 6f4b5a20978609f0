"""The training pipeline: a run directory goes on with what it has begun with, and with nothing else."""

from pathlib import Path

import pytest

from tests.training.recipes import write_recipe
from training.errors import RecipeInvalid, TrainingError
from training.pipeline import begin
from training.recipe import read_recipe


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run whose data were split: something is made of them."""
    run, _ = begin(tmp_path / "run", write_recipe(tmp_path), "1" * 64)
    run.sources.write_text("{}")
    return run.path


def test_a_run_goes_on_with_other_stages_and_numbers_of_fitting(begun: Path, tmp_path: Path) -> None:
    longer = write_recipe(
        tmp_path, ("images = 16,", "images = 1600,"), ("dropout = 0.1\nskip", "dropout = 0.2\nskip")
    )
    run, recipe = begin(begun, longer, "1" * 64)
    assert recipe.stages[1].images == 1600
    assert run.recipe.read_text() == longer.read_text()
    assert begin(begun, run.recipe, "1" * 64) == (run, recipe)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('version = "0.1.0"', 'version = "0.2.0"', "version"),
        ('"other/logos" = 1.0', '"other/logos" = 0.5', "hold_out"),
        ("seed = 1", "seed = 2", "seed, hold_out"),
    ],
)
def test_a_run_does_not_go_on_by_another_recipe(
    begun: Path, tmp_path: Path, old: str, new: str, field: str
) -> None:
    before = (begun / "recipe.toml").read_text()
    with pytest.raises(RecipeInvalid, match=f"begun with another {field}: choose another --run"):
        begin(begun, write_recipe(tmp_path, (old, new)), "1" * 64)
    assert (begun / "recipe.toml").read_text() == before


def test_a_run_does_not_go_on_with_other_data(begun: Path) -> None:
    with pytest.raises(TrainingError, match="begun with other data: choose another --run"):
        begin(begun, begun / "recipe.toml", "2" * 64)
    (begun / "data.json").unlink()  # as in a run of before its data were noted
    begin(begun, begun / "recipe.toml", "2" * 64)


def test_a_run_that_made_nothing_begins_again(begun: Path, tmp_path: Path) -> None:
    (begun / "sources.json").unlink()
    begin(begun, write_recipe(tmp_path, ("seed = 1", "seed = 2")), "2" * 64)
    (begun / "sources.json").write_text("{}")
    with pytest.raises(TrainingError, match="other data"):
        begin(begun, begun / "recipe.toml", "1" * 64)


def test_a_run_keeps_the_labels_of_its_data_and_which_of_them_no_image_has(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, ('labels = ["out_of_domain", "logo"]\n', ""))
    run, begun = begin(tmp_path / "run", recipe, "1" * 64, ("cat", "dog"))
    assert (begun.labels, begun.unseen_labels) == (("out_of_domain", "cat", "dog"), ("out_of_domain",))
    assert read_recipe(run.recipe) == begun
    run.sources.write_text("{}")
    assert begin(tmp_path / "run", recipe, "1" * 64, ("cat", "dog")) == (run, begun)
    with pytest.raises(RecipeInvalid, match="has begun with another labels"):
        begin(tmp_path / "run", recipe, "1" * 64, ("cat", "gnu"))
