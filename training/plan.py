"""The plan: the tasks that a recipe makes of a set of images, for training and for validation."""

from collections.abc import Iterable, Iterator, Sequence

from datasets.manifest import DatasetInvalid, Example
from datasets.splits import Split
from logo_detection.artifact import OUT_OF_DOMAIN
from synthetic.catalogue import NEGATIVES, Drawing, drawings_of
from synthetic.stateless_random import seeded
from training.materialise import UNDEGRADED, ImageSource, ImageTask
from training.recipe import Recipe

DEFAULT_FORM = "drawn"


def training_tasks(recipe: Recipe, examples: Sequence[Example]) -> list[ImageTask]:
    """Every example in several degradations, and the drawings of the recipe in one; shuffled.

    Raises:
        DatasetInvalid: A label of an example is none of the recipe's, or one of the recipe's has no example.
    """
    check_recipe_labels(recipe, examples)
    tasks = [task for example in examples for task in tasks_of(recipe, example)]
    partners = {
        category: [example for example in examples if example.category == category]
        for category in recipe.recombined
    }
    tasks = [combined(recipe, task, partners) for task in tasks]
    for drawing in drawings_of(recipe.drawings, recipe.seed, recipe.held_out_kinds | fold_kinds(recipe)):
        form = recipe.degradations.get(drawing.category, DEFAULT_FORM)
        tasks.append(ImageTask(drawing, form, 0, recipe.seed))
    missing = set(recipe.trained_labels) - {task.label for task in tasks}
    if missing:
        raise DatasetInvalid(f"no training image of {', '.join(sorted(missing))}")
    seeded("order", recipe.seed).shuffle(tasks)
    return tasks


def tasks_of(recipe: Recipe, example: Example) -> Iterator[ImageTask]:
    """The tasks of an example: as many as the recipe has variants of its category, or else of its label."""
    forms, variants = recipe.degradations, recipe.variants
    form = forms.get(example.category, forms.get(example.label, DEFAULT_FORM))
    for variant in range(variants.get(example.category, variants.get(example.label, 1))):
        yield ImageTask(example, form, variant, recipe.seed)


def combined(recipe: Recipe, task: ImageTask, partners: dict[str, list[Example]]) -> ImageTask:
    """Give a task a second example of its category and label, as often as the recipe says.

    An example's first degradation shows it alone.
    """
    share = recipe.recombined.get(task.picture.category, 0.0)
    rng = seeded("second", task.seed, task.variant, task.name)
    if task.variant == 0 or rng.random() >= share:
        return task
    others = [example for example in partners[task.picture.category] if example.label == task.label]
    return ImageTask(task.picture, task.form, task.variant, task.seed, rng.choice(others))


def validation_tasks(recipe: Recipe, examples: Sequence[Example]) -> list[ImageTask]:
    """Examples, undegraded; and drawings of other seeds, half of them of kinds that training does not show.

    Raises:
        DatasetInvalid: An example has a label that is not the recipe's.
    """
    check_recipe_labels(recipe, examples)
    pictures: list[ImageSource] = [*examples, *validation_drawings(recipe)]
    return [ImageTask(picture, UNDEGRADED, 0, recipe.seed) for picture in pictures]


def validation_drawings(recipe: Recipe) -> Iterator[Drawing]:
    """The drawings of the hold-out, or of the recipe's fold, which shows no kind of the hold-out."""
    on_fold = recipe.fold is not None
    seed = recipe.seed + (2 if on_fold else 1)
    unseen_kinds = fold_kinds(recipe) if on_fold else recipe.held_out_kinds
    for category, count in recipe.validation_drawings.items():
        unseen = frozenset(kind for kind in unseen_kinds if kind.startswith(f"{category}/"))
        fresh = count // 2 if unseen else count
        yield from drawings_of({category: fresh}, seed, recipe.held_out_kinds | unseen_kinds)
        if unseen:
            yield from drawings_of({category: count - fresh}, seed, all_kinds() - unseen)


def fold_kinds(recipe: Recipe) -> frozenset[str]:
    """The kinds of drawings that a recipe's fold keeps from training: every n-th that is not held out.

    A category of one kind is in training whatever the fold is.
    """
    if (fold := recipe.fold) is None:
        return frozenset()
    kept: set[str] = set()
    for category in NEGATIVES:
        kinds = sorted(kind for kind in all_kinds([category]) if kind not in recipe.held_out_kinds)
        if len(kinds) > 1:
            kept |= set(kinds[fold.number :: fold.of])
    return frozenset(kept)


def all_kinds(categories: Iterable[str] = NEGATIVES) -> frozenset[str]:
    """Every `category/kind` that can be drawn."""
    return frozenset(f"{category}/{kind}" for category in categories for kind in NEGATIVES[category])


def check_parts(recipe: Recipe, parts: Split) -> None:
    """Check that a split fits a recipe.

    Raises:
        DatasetInvalid: It has a label that the recipe has not, or no validation image of a label.
    """
    check_recipe_labels(recipe, (*parts.training, *parts.validation))
    validated = {example.label for example in parts.validation}
    if any(recipe.validation_drawings.values()):
        validated.add(OUT_OF_DOMAIN)
    if missing := sorted(set(recipe.trained_labels) - validated):
        raise DatasetInvalid(
            f"no validation image of {', '.join(missing)}: the recipe's [hold_out] keeps none from training,"
            " or only near duplicates of training images"
        )


def check_recipe_labels(recipe: Recipe, examples: Sequence[Example]) -> None:
    """Raises DatasetInvalid, which names file and label, where a label is none of the recipe's."""
    for example in examples:
        if example.label not in recipe.labels:
            known = ", ".join(recipe.labels)
            raise DatasetInvalid(f"{example.path}: label {example.label!r} is none of the recipe's: {known}")
