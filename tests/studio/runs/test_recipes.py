"""Recipes: numbers change within their bounds, and nothing else does."""

import pytest

from studio.runs.recipes import BOUNDS, change, numbers_of, read_text, recipe_names
from tests.harness.process import ROOT
from training.errors import RecipeInvalid

pytestmark = pytest.mark.slow

QUICK = read_text("quick")
LABELS = ("out_of_domain", "logo")


def test_recipes_that_need_a_teacher_are_not_offered() -> None:
    files = {path.stem for path in (ROOT / "training" / "recipes").glob("*.toml")}
    spaces = {name for name in files if name.endswith(".search")}
    assert set(recipe_names()) == files - spaces - {"distilled"}


@pytest.mark.parametrize("name", recipe_names())
def test_every_number_that_is_offered_is_within_its_bounds(name: str) -> None:
    numbers = numbers_of(read_text(name))
    assert {"seed", "stages.0.images", "stages.0.rate"} <= {number.place for number in numbers}
    for number in numbers:
        assert number.bounds.low <= number.value <= number.bounds.high, number.place


def test_a_recipe_that_is_not_changed_stays_as_it_is() -> None:
    named = 'labels = ["out_of_domain", "logo"]\n\n[hold_out]'
    assert change(QUICK, {}, LABELS) == QUICK.replace("[hold_out]", named)


def test_a_changed_number_stands_in_its_place_and_all_else_stays() -> None:
    changed = change(QUICK, {"stages.1.images": 64, "hold_out.share": 0.2, "dropout": 0}, LABELS)
    before = change(QUICK, {}, LABELS)
    lines = {new for new, old in zip(changed.splitlines(), before.splitlines(), strict=True) if new != old}
    assert lines == {"images = 64", "share = 0.2", "dropout = 0.0"}


def test_the_labels_are_those_of_the_data_set() -> None:
    changed = change(QUICK, {}, ("out_of_domain", "logo", "seal"))
    assert 'labels = ["out_of_domain", "logo", "seal"]' in changed


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("dropout", 1.0), ("dropout", float("nan")), ("dropout", float("inf")), ("warm_up", 0), ("seed", 0.5),
        ("stages.0.batch", 513), ("stages.2.batch", 8), ("size", 32), ("variants.logo", 9), ("name", 1),
        ("network.repeats", 1), ("stages.0.trained_from", 1), ("", 1), ("hold_out.share", 0),
    ],
)  # fmt: skip
def test_nothing_else_can_be_changed(place: str, value: float) -> None:
    with pytest.raises(RecipeInvalid, match=f"^{place}: "):
        change(QUICK, {place: value}, LABELS)


def test_labels_that_contradict_the_recipe_are_refused() -> None:
    with pytest.raises(RecipeInvalid, match="labels"):
        change(QUICK, {}, ("logo",))


def test_every_bound_is_of_a_number_that_some_recipe_has() -> None:
    kinds = {
        ".".join(part for part in number.place.split(".") if not part.isdigit())
        for name in recipe_names()
        for number in numbers_of(read_text(name))
    }
    assert kinds == BOUNDS.keys()
