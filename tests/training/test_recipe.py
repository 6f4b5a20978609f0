"""Recipes: what they say is understood, and what is not understood is refused."""

from pathlib import Path

import pytest

from datasets.manifest import Example
from datasets.splits import split
from synthetic.catalogue import NEGATIVES
from tests.training.recipes import tiny_recipe
from training.backbones import APPLICATIONS, EFFICIENTNET
from training.errors import RecipeInvalid
from training.recipe import read_recipe
from training.train import DEFAULT_RECIPE

RECIPES = sorted(path for path in DEFAULT_RECIPE.parent.glob("*.toml") if "." not in path.stem)
LABELS = ('labels = ["out_of_domain", "logo"]', 'labels = ["logo", "map", "out_of_domain"]')


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_names_things_that_exist_and_ends_at_the_size_at_which_it_serves(path: Path) -> None:
    recipe = read_recipe(path)
    known = {f"{category}/{kind}" for category, kinds in NEGATIVES.items() for kind in kinds}
    assert recipe.held_out_kinds <= known
    assert set(recipe.drawn) | set(recipe.drawn_validation) <= set(NEGATIVES)
    sizes = [stage.size for stage in recipe.stages]
    assert sizes == sorted(sizes)
    assert sizes[-1] == recipe.size


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_says_what_to_expect_and_how_long_it_takes(path: Path) -> None:
    comment = " ".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    assert "Expect" in comment
    assert "minute" in comment or "hour" in comment


def test_there_is_a_recipe_for_every_backbone() -> None:
    assert {read_recipe(path).backbone for path in RECIPES} == {EFFICIENTNET, *APPLICATIONS}


def test_the_shipped_recipe_holds_sources_out() -> None:
    recipe = read_recipe(DEFAULT_RECIPE)
    assert recipe.labels == ()  # those of the data
    assert recipe.hold_out.sources["pheralb/svgl"] == 0.5
    assert set(recipe.drawn) == set(recipe.drawn_validation) == set(NEGATIVES)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_holds_out_some_of_each_label_of_an_imported_set(path: Path) -> None:
    recipe = read_recipe(path, ("logo", "out_of_domain"))
    imported = [
        Example(Path(f"{label}-{page}.png"), label, "any", f"Category:{label}", f"File:{page}", "", "", "")
        for label in recipe.labels
        for page in range(20)
    ]
    parts = split(imported, recipe.hold_out)
    for part in (parts.training, parts.validation):
        assert {example.label for example in part} == set(recipe.labels)


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match=r"toml: droput: no such field; did you mean dropout\?$"):
        tiny_recipe(tmp_path, ("dropout = 0.1\n", "droput = 0.1\n"))
    with pytest.raises(RecipeInvalid, match=r"toml: bacth: no such field; did you mean batch\?$"):
        tiny_recipe(tmp_path, ("batch = ", "bacth = "))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seed = 1", 'seed = "x"', "seed: 'x': it should be a valid integer"),
        ("seed = 1", "seed = true", "seed: True: it should be a valid integer"),
        ("dropout = 0.1", 'dropout = "much"', "dropout: 'much': it should be a valid number"),
        ("dropout = 0.1", "dropout = []", r"dropout: \[\]: it should be a valid number"),
        ("batch = ", "batch = true, size_2 = ", r"stages\.0\.batch: True: it should be a valid integer"),
        ("seed = 1", "seed = 1\nlimits = 'none'", "limits: 'none': it should be a valid "),
        ("seed = 1", "seed = 1\nfold = 3", "fold: 3: it should be "),
        (
            "seed = 1",
            "seed = 1\nrecombined = { map = 'x' }",
            r"recombined\.map: 'x': it should be a valid number",
        ),
        ("seed = 1", "seed = 1\ndistillation = { weight = 'x' }", r"distillation\.weight: 'x': it should"),
        ('["out_of_domain", "logo"]', "3", "labels: 3: it should be a valid "),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(RecipeInvalid, match=complaint):
        tiny_recipe(tmp_path, (old, new))


@pytest.mark.parametrize("line", ["seed = 3", "stages = 3", "hold_out = 3", "network = 3", "stages = ['a']"])
def test_a_table_that_is_none_and_what_is_missing_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(line)
    named = "name: is missing" if line == "seed = 3" else line.split()[0]
    with pytest.raises(RecipeInvalid, match=rf"recipe\.toml: {named}"):
        read_recipe(path)


def test_a_recipe_that_is_not_there_names_the_nearest_that_is() -> None:
    with pytest.raises(
        RecipeInvalid, match=r"^no such file: efficientnet\.toml; did you mean efficientnetv2-b0\?$"
    ):
        read_recipe(Path("efficientnet.toml"))


def test_a_recipe_may_have_the_former_name_of_a_field(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, ("seed = 1", "seed = 1\npresentations = { map = 'photo' }"))
    assert recipe.degradations == {"map": "photo"}


def test_what_is_no_recipe_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    with pytest.raises(RecipeInvalid, match=r"^no such file: .*recipe\.toml$"):
        read_recipe(path)
    path.write_text("stages = [")
    with pytest.raises(RecipeInvalid, match=r"recipe\.toml: "):
        read_recipe(path)


def test_recipes_of_one_data_set_make_the_same_of_it() -> None:
    of_their_own = ("quick", "distilled", "fine-tune")
    first, *others = (read_recipe(path) for path in RECIPES if path.stem not in of_their_own)
    for recipe in others:
        for name in ("hold_out", "held_out_kinds", "variants", "recombined", "drawn", "drawn_validation"):
            assert getattr(recipe, name) == getattr(first, name), (recipe.name, name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["out_of_domain", "logo"]', '["logo", "map"]', "out_of_domain is one of them"),
        ('["out_of_domain", "logo"]', '["out_of_domain", "a/b"]', "'a/b' is not a plain name"),
        ("seed = 1", "seed = 1\nclass_weights = { map = 2.0 }", "class_weights: map"),
        ("seed = 1", "seed = 1\nclass_shares = { logo = 0.0 }", "class_shares: logo"),
        ("seed = 1", "seed = 1\ndegradations = { map = 'upside down' }", "degradations: map"),
        ("size = 32, images", "size = 320, images", "stage 2: size is 1 to 32"),
        ("warm_up = 2", "warm_up = 0", "warm_up"),
        ("seed = 1", "seed = -1", "seed: -1 is not 0 to 2147483646"),
        ("seed = 1", "seed = 1\nfit_seed = 2147483648", "fit_seed: 2147483648"),
        ("seed = 1", "seed = 1\nfold = { number = 2, of = 2 }", "fold: 2 of 2"),
        ("seed = 1", "seed = 1\nfold = { number = 0, of = 1 }", "fold: 0 of 1"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(RecipeInvalid, match=message):
        tiny_recipe(tmp_path, (old, new))


def test_with_equal_classes_the_probabilities_hold_for_as_many_of_each(tmp_path: Path) -> None:
    assert tiny_recipe(tmp_path).base_rate() == pytest.approx(1 / 2)
    three = tiny_recipe(tmp_path, LABELS)
    assert three.shares() == pytest.approx([1 / 3] * 3)
    assert three.weights() == pytest.approx([1] * 3)
    assert three.base_rate() == pytest.approx(1 / 3)


def test_shares_and_weights_move_the_base_rate_alike(tmp_path: Path) -> None:
    shares = tiny_recipe(tmp_path, ("seed = 1", "seed = 1\nclass_shares = { logo = 3.0 }"))
    weights = tiny_recipe(tmp_path, ("seed = 1", "seed = 1\nclass_weights = { logo = 3.0 }"))
    assert shares.base_rate() == pytest.approx(weights.base_rate()) == pytest.approx(0.75)
    assert shares.shares() == pytest.approx([0.25, 0.75])
    assert weights.weights() == pytest.approx([0.5, 1.5])
