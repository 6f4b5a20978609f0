"""Recipes: what they say is understood, and what is not understood is refused."""

from pathlib import Path

import pytest

from training.generators.catalogue import NEGATIVES
from training.recipe import read_recipe
from training.train import DEFAULT_RECIPE


def test_the_shipped_recipe_names_things_that_exist() -> None:
    recipe = read_recipe(DEFAULT_RECIPE)
    assert recipe.labels == ("out_of_domain", "logo")
    known = {f"{category}/{kind}" for category, kinds in NEGATIVES.items() for kind in kinds}
    assert recipe.held_out_kinds <= known
    assert set(recipe.drawn) == set(recipe.drawn_validation) == set(NEGATIVES)


def test_the_shipped_recipe_ends_at_the_size_at_which_the_model_serves() -> None:
    sizes = [stage.size for stage in read_recipe(DEFAULT_RECIPE).stages]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 224


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("droput = 0.3\n" + DEFAULT_RECIPE.read_text())
    with pytest.raises(TypeError, match="droput"):
        read_recipe(path)
