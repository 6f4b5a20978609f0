"""The plan: which pictures a recipe makes of a set, for training and for validation."""

from collections.abc import Iterator, Sequence

from datasets.manifest import DatasetInvalid, Example
from datasets.splits import Split
from logo_detection.artifact import OUT_OF_DOMAIN
from synthetic.catalogue import NEGATIVES, drawings_of
from synthetic.stateless_random import seeded
from training.materialise import AS_IT_IS, Task
from training.recipe import Recipe

DEFAULT_FORM = "drawn"


def training_tasks(recipe: Recipe, examples: Sequence[Example]) -> list[Task]:
    """Every example in several presentations, and the drawings of the recipe in one; shuffled.

    Raises:
        DatasetInvalid: A label of an example is none of the recipe's, or one of the recipe's has no example.
    """
    check_labels(recipe, examples)
    tasks = [task for example in examples for task in presentations_of(recipe, example)]
    partners = {
        category: [example for example in examples if example.category == category]
        for category in recipe.recombined
    }
    tasks = [combined(recipe, task, partners) for task in tasks]
    for drawing in drawings_of(recipe.drawn, recipe.seed, recipe.held_out_kinds):
        form = recipe.presentations.get(drawing.category, DEFAULT_FORM)
        tasks.append(Task(drawing, form, 0, recipe.seed))
    missing = set(recipe.labels) - {task.label for task in tasks}
    if missing:
        raise DatasetInvalid(f"nothing to learn {', '.join(sorted(missing))} from")
    seeded("order", recipe.seed).shuffle(tasks)
    return tasks


def presentations_of(recipe: Recipe, example: Example) -> Iterator[Task]:
    """An example as often as its category, or else its label, is to be presented."""
    forms, variants = recipe.presentations, recipe.variants
    form = forms.get(example.category, forms.get(example.label, DEFAULT_FORM))
    for variant in range(variants.get(example.category, variants.get(example.label, 1))):
        yield Task(example, form, variant, recipe.seed)


def combined(recipe: Recipe, task: Task, partners: dict[str, list[Example]]) -> Task:
    """A task as it is, or with a second example of its category and label, as often as the recipe says.

    An example's first presentation shows it alone.
    """
    share = recipe.recombined.get(task.picture.category, 0.0)
    rng = seeded("second", task.seed, task.variant, task.name)
    if task.variant == 0 or rng.random() >= share:
        return task
    others = [example for example in partners[task.picture.category] if example.label == task.label]
    return Task(task.picture, task.form, task.variant, task.seed, rng.choice(others))


def validation_tasks(recipe: Recipe, examples: Sequence[Example]) -> list[Task]:
    """Unseen sources as they are; drawings from other seeds, half of them of kinds never trained on.

    Raises:
        DatasetInvalid: An example has a label that is not the recipe's.
    """
    check_labels(recipe, examples)
    tasks = [Task(example, AS_IT_IS, 0, recipe.seed) for example in examples]
    shown = frozenset(f"{category}/{kind}" for category in NEGATIVES for kind in NEGATIVES[category])
    for category, count in recipe.drawn_validation.items():
        unseen_kinds = [kind for kind in recipe.held_out_kinds if kind.startswith(f"{category}/")]
        fresh = {category: count // 2 if unseen_kinds else count}
        drawings = list(drawings_of(fresh, recipe.seed + 1, recipe.held_out_kinds))
        if unseen_kinds:
            unseen = {category: count - count // 2}
            drawings += drawings_of(unseen, recipe.seed + 1, shown - set(unseen_kinds))
        tasks += [Task(drawing, AS_IT_IS, 0, recipe.seed) for drawing in drawings]
    return tasks


def check_parts(recipe: Recipe, parts: Split) -> None:
    """Raises DatasetInvalid where a set has a label that a recipe has not, or nothing to judge one by."""
    check_labels(recipe, (*parts.training, *parts.validation))
    judged = {example.label for example in parts.validation}
    if any(recipe.drawn_validation.values()):
        judged.add(OUT_OF_DOMAIN)
    if missing := sorted(set(recipe.labels) - judged):
        raise DatasetInvalid(
            f"nothing to judge {', '.join(missing)} by: the recipe's [hold_out] keeps no image of it from"
            " training, or only such as look like those learnt from"
        )


def check_labels(recipe: Recipe, examples: Sequence[Example]) -> None:
    """Raises DatasetInvalid, naming file and label, where a label is none of the recipe's."""
    for example in examples:
        if example.label not in recipe.labels:
            known = ", ".join(recipe.labels)
            raise DatasetInvalid(f"{example.path}: label {example.label!r} is none of the recipe's: {known}")
