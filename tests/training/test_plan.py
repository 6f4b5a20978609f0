"""The plan: what a recipe makes of examples, whatever their labels are."""

from dataclasses import replace
from pathlib import Path

import pytest

from datasets.manifest import DatasetInvalid, Example, read_examples
from datasets.splits import Split
from tests.training.recipes import tiny_recipe
from training.materialise import UNDEGRADED
from training.plan import check_parts, training_tasks, validation_tasks


def example(label: str, category: str, number: int = 0) -> Example:
    name = f"{label}-{category}-{number}"
    return Example(Path(f"{name}.png"), label, category, "source", name, "", "", name)


def test_a_label_that_the_recipe_has_not_is_refused_by_file_and_name(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    for tasks in (training_tasks, validation_tasks):
        with pytest.raises(DatasetInvalid, match=r"map-map-0\.png: label 'map'"):
            tasks(recipe, [example("map", "map"), example("logo", "logo")])


def test_a_label_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="no training image of logo"):
        training_tasks(tiny_recipe(tmp_path), [example("out_of_domain", "photo")])


def test_a_label_without_validation_images_is_refused(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    logo, photo = example("logo", "logo"), example("out_of_domain", "photo")
    check_parts(recipe, Split((logo, photo), (logo,)))  # drawings are out_of_domain
    for held_out, missing in (((photo,), "logo"), ((), "logo")):
        with pytest.raises(DatasetInvalid, match=f"no validation image of {missing}:"):
            check_parts(recipe, Split((logo, photo), held_out))
    with pytest.raises(DatasetInvalid, match="no validation image of logo, out_of_domain:"):
        check_parts(replace(recipe, drawn_validation={}), Split((logo, photo), ()))


def test_an_example_is_degraded_as_its_category_is_or_else_its_label(tmp_path: Path) -> None:
    table = "seed = 1\ndegradations = { photo = 'photo', logo = 'logo' }"
    recipe = tiny_recipe(tmp_path, ("seed = 1", table))
    examples = [example("logo", "sports"), example("out_of_domain", "photo"), example("out_of_domain", "map")]
    forms = {task.picture.category: task.form for task in training_tasks(recipe, examples)}
    assert forms == {"sports": "logo", "photo": "photo", "map": "drawn", "flag": "drawn", "plain": "drawn"}


def test_variants_are_made_of_every_example(images: Path, tmp_path: Path) -> None:
    tasks = training_tasks(tiny_recipe(tmp_path), read_examples(images))
    assert len({(task.picture, task.variant) for task in tasks}) == len(tasks) == 8 * 2 + 8 + 4


def test_the_order_has_nothing_to_do_with_labels_and_is_the_same_every_time(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    examples = [example(label, "x", number) for label in recipe.labels for number in range(50)]
    labels = [task.label for task in training_tasks(recipe, examples)]
    assert 15 < labels[:50].count("logo") < 35
    assert labels == [task.label for task in training_tasks(recipe, examples)]


def test_some_degradations_show_two_examples_of_one_category(tmp_path: Path) -> None:
    recipe = tiny_recipe(
        tmp_path, ("seed = 1", "seed = 1\nrecombined = { flag = 0.5 }"), ("brand = 2", "flag = 5")
    )
    flags = [example("out_of_domain", "flag", number) for number in range(40)]
    tasks = [
        task for task in training_tasks(recipe, [*flags, example("logo", "logo")]) if task.picture in flags
    ]
    combined = [task for task in tasks if task.second is not None]
    assert len(tasks) == 200
    assert 60 < len(combined) < 100
    assert all(task.variant > 0 and task.second in flags for task in combined)


def test_validation_shows_everything_once_and_kinds_that_training_does_not(tmp_path: Path) -> None:
    recipe = replace(tiny_recipe(tmp_path), drawn_validation={"map": 4})
    tasks = validation_tasks(recipe, [example("logo", "brand")])
    assert {task.form for task in tasks} == {UNDEGRADED}
    kinds = [task.name.split("/")[1] for task in tasks[1:]]
    assert len(kinds) == 4
    assert kinds.count("transit") == 2
