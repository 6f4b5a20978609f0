"""Spaces: what a search may change is understood, and every bad key gets one clear line."""

from pathlib import Path

import optuna
import pytest

from search.errors import SearchError
from search.recipe_text import on_fold, values_at, with_values
from search.space import FIELDS, Choice, Range, read_space
from tests.training.recipes import TINY, write_recipe
from training.pipeline import NOT_OF_IMAGES
from training.recipe import Fold, Recipe, read_recipe
from training.train import DEFAULT_RECIPE

SPACES = sorted(DEFAULT_RECIPE.parent.glob("*.search.toml"))
GOOD = """
[floats]
weight_decay = { low = 1e-3, high = 0.1, log = true }
[factors]
"stages.*.rate" = { low = 0.3, high = 3.0, log = true }
[ints]
"stages.2.batch" = { low = 4, high = 16 }
[choices]
mixed_precision = [true, false]
"""


def space_file(directory: Path, text: str) -> Path:
    path = directory / "tiny.search.toml"
    path.write_text(text)
    return path


def test_a_space_has_the_recipe_s_own_values_for_its_first_trial(tmp_path: Path) -> None:
    space = read_space(space_file(tmp_path, GOOD), TINY)
    assert space.dimensions == (
        Range("weight_decay", 1e-3, 0.1, 0.01, log=True),
        Range("stages.*.rate", 0.3, 3.0, 1, log=True),
        Range("stages.2.batch", 4, 16, 8, whole=True),
        Choice("mixed_precision", (True, False), False),
    )
    assert read_recipe(write_recipe(tmp_path)) == recipe_of(tmp_path, with_values(TINY, space.defaults()))


def test_what_optuna_suggests_lies_in_the_space_and_makes_a_recipe(tmp_path: Path) -> None:
    space = read_space(space_file(tmp_path, GOOD), TINY)
    trial = optuna.create_study().ask()
    values = space.suggest(trial)
    assert values == space.suggest(trial)
    recipe = recipe_of(tmp_path, with_values(TINY, values))
    assert recipe.weight_decay == values["weight_decay"]
    assert recipe.stages[1].batch == values["stages.2.batch"]
    assert [stage.rate for stage in recipe.stages] == [1e-3 * float(values["stages.*.rate"])] * 2


def recipe_of(directory: Path, text: str) -> Recipe:
    path = directory / "changed.toml"
    path.write_text(text)
    return read_recipe(path)


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.name)
def test_every_space_fits_its_recipe(path: Path) -> None:
    recipe = path.with_name(path.name.replace(".search", ""))
    assert read_space(path, recipe.read_text()).dimensions


def test_a_recipe_on_a_fold_is_the_recipe_and_says_which(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, on_fold(TINY, 1, 4, 7))
    assert recipe.fold == Fold(1, 4)
    assert recipe.fitting_seed == 7
    assert recipe.hold_out == read_recipe(write_recipe(tmp_path)).hold_out


def test_comments_and_all_that_is_not_changed_stay_as_they_are() -> None:
    stages = "stages = [\n  { rate = 1.0, batch = 8 },\n  { rate = 2.0 },\n]\n"
    text = f"# why\ndropout = 0.1  # of features\n{stages}"
    changed = with_values(text, {"dropout": 0.25, "stages.*.rate": 0.5, "stages.*.batch": 0.3})
    assert changed == text.replace("0.1", "0.25").replace("1.0", "0.5").replace("2.0", "1.0").replace(
        "8", "2"
    )
    assert values_at(text, "stages.2.rate") == [2.0]
    assert values_at(text, "stages.3.rate") == values_at(text, "dropout.rate") == []


def test_what_may_change_is_what_decides_no_image() -> None:
    assert NOT_OF_IMAGES - {"name", "version", "limits", "fit_seed"} == FIELDS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[floats", "Unexpected end of file"),
        ("", "names no key"),
        ("[float]\n", "float is none of the tables floats, factors, ints, choices"),
        ("floats = 1", "floats is none of the tables"),
        ("[floats]\ndroput = { low = 0.0, high = 0.5 }", r"\[floats\] droput: droput is none of backbone, "),
        ("[floats]\nsize = { low = 16, high = 64 }", "size is none of"),
        (
            "[floats]\n'stages.3.rate' = { low = 0.1, high = 0.2 }",
            "stages.3.rate: the recipe has no such key",
        ),
        ("[floats]\n'stages.*.rate' = { low = 0.1, high = 0.2 }", r"a key with \* stands in \[factors\]"),
        ("[factors]\ndropout = { low = 0.1, high = 2 }", r"a key with \* stands in \[factors\]"),
        ("[floats]\nmixed_precision = { low = 0, high = 1 }", "own False is not a number"),
        ("[floats]\ndropout = [0.1, 0.2]", "dropout: is not { low = ..., high = ..., log"),
        ("[floats]\ndropout = { low = 0.0, hihg = 0.5 }", "dropout: is not { low"),
        ("[floats]\ndropout = { low = 0.5, high = 0.0 }", "low 0.5 and high 0.0 are not two numbers"),
        ("[floats]\ndropout = { low = '0', high = 0.5 }", "low '0' and high 0.5 are not two numbers"),
        ("[floats]\ndropout = { low = 0.0, high = inf }", "are not two numbers"),
        ("[floats]\ndropout = { low = 0.0, high = 0.5, log = true }", "low 0.0 has no logarithm"),
        ("[floats]\ndropout = { low = 0.01, high = 0.5, log = 1 }", "log 1 is neither true nor false"),
        (
            "[floats]\ndropout = { low = 0.2, high = 0.5 }",
            "recipe's own 0.1 is not in 0.2 to 0.5: it is the first",
        ),
        ("[factors]\n'stages.*.rate' = { low = 2, high = 3 }", "own 1 is not in 2 to 3"),
        ("[ints]\nwarm_up = { low = 0.5, high = 3 }", "low 0.5 is not a whole number"),
        ("[ints]\ndropout = { low = 0, high = 1 }", "the recipe's own 0.1 is not a whole number"),
        ("[choices]\nema = { low = 0.5, high = 0.9 }", "is not a list of two or more"),
        ("[choices]\nema = [0.9, 0.9]", "is not a list of two or more different values"),
        ("[choices]\nema = [0.9, '0.99']", "'0.99' is not of the type of the recipe's own 0.9"),
        ("[choices]\nema = [0.95, 0.99]", "the recipe's own 0.9 is not among them"),
        (
            "[choices]\ndropout = [0.1, 0.2]\n[floats]\ndropout = { low = 0.0, high = 0.5 }",
            "dropout is in two tables",
        ),
    ],
)
def test_a_bad_key_gets_one_line_with_file_table_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SearchError, match=message) as caught:
        read_space(space_file(tmp_path, text), TINY)
    assert str(caught.value).startswith(str(tmp_path / "tiny.search.toml"))
    assert "\n" not in str(caught.value)


def test_a_recipe_with_a_fold_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="the recipe has a fold of its own"):
        read_space(space_file(tmp_path, GOOD), on_fold(TINY, 0, 2, 1))
    with pytest.raises(SearchError, match=r"cannot read .*: No such file"):
        read_space(tmp_path / "none.toml", TINY)
