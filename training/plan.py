"""The plan: which pictures a recipe makes of a set, for training and for validation."""

from collections.abc import Iterable

from training.datasets import Example
from training.generators.catalogue import NEGATIVES, drawings_of
from training.materialise import Task
from training.recipe import Recipe

AS_IT_IS = -1


def training_tasks(recipe: Recipe, examples: Iterable[Example]) -> list[Task]:
    """Every example in several presentations, and the drawings of the recipe in one."""
    tasks = [
        Task(example, variant, recipe.seed)
        for example in examples
        for variant in range(recipe.variants.get(example.category, 1))
    ]
    drawings = drawings_of(recipe.drawn, recipe.seed, recipe.held_out_kinds)
    return tasks + [Task(drawing, 0, recipe.seed) for drawing in drawings]


def validation_tasks(recipe: Recipe, examples: Iterable[Example]) -> list[Task]:
    """Unseen sources as they are; drawings from other seeds, half of them of kinds never trained on."""
    tasks = [Task(example, AS_IT_IS, recipe.seed) for example in examples]
    shown = frozenset(f"{category}/{kind}" for category in NEGATIVES for kind in NEGATIVES[category])
    for category, count in recipe.drawn_validation.items():
        unseen_kinds = [kind for kind in recipe.held_out_kinds if kind.startswith(f"{category}/")]
        fresh = {category: count // 2 if unseen_kinds else count}
        drawings = list(drawings_of(fresh, recipe.seed + 1, recipe.held_out_kinds))
        if unseen_kinds:
            drawings += drawings_of(
                {category: count - count // 2}, recipe.seed + 1, shown - set(unseen_kinds)
            )
        tasks += [Task(drawing, AS_IT_IS, recipe.seed) for drawing in drawings]
    return tasks
