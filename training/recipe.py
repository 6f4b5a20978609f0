"""The recipe: everything that decides a training run, as one TOML file says it."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from datasets.splits import HoldOut
from datasets.survey import PLAIN, is_plain
from logo_detection.artifact import LOGO, OUT_OF_DOMAIN
from logo_detection.commands import hint
from logo_detection.decode.spec import ImageSpec
from training.degradation import FORMS
from training.errors import RecipeInvalid

_T = TypeVar("_T")

MAX_SEED = 2**31 - 1  # TensorFlow takes the remainder

# Names of fields in recipes of earlier versions.
_FORMER_NAMES = {"presentations": "degradations"}

_NONE: Mapping[str, Any] = MappingProxyType({})
_FORMS: Mapping[str, str] = MappingProxyType({"brand": "logo", "logo": "logo", "photo": "photo"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One size at which to train: pixels, images to see, how many at a time, first and last learning rate.

    Attributes:
        trained_from: Name of the first layer that is trained; those before it are frozen. Without, all are.
    """

    size: int
    images: int
    batch: int
    rate: float
    last_rate: float
    trained_from: str = ""


def steps_of(stage: Stage) -> int:
    """How many batches a stage has; at least one."""
    return max(1, stage.images // stage.batch)


@dataclass(frozen=True, slots=True)
class TeacherRecipe:
    """A pretrained network, and how it is fine-tuned; see `training.teacher`.

    Attributes:
        network: One of `training.teacher.network.NETWORKS`.
        stages: As of the recipe.
        trained_from: Name of the first of its modules that is trained; those before it are frozen.
        head_rate: By how much faster than the rest its head learns.
        dropout: Of its features.
    """

    network: str
    stages: tuple[Stage, ...]
    trained_from: str = ""
    head_rate: float = 10.0
    dropout: float = 0.2


@dataclass(frozen=True, slots=True)
class Distillation:
    """How much a model learns from teachers' scores beside the labels; see `training.distillation`.

    Attributes:
        weight: The teachers' share of the targets, 0 to 1; the labels have the rest.
        temperature: What the teachers' logits are divided by: the higher, the softer their scores.
        teachers: Those that `make teacher` fine-tunes; artifacts may be named instead.
    """

    weight: float
    temperature: float = 1.0
    teachers: tuple[TeacherRecipe, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """A part of the training images that a recipe is validated on, in place of its hold-out.

    The training groups are divided into `of` folds, and so are the kinds of drawings. Fold `number`, from 0
    on, validates, and the others train. Neither shows anything of the hold-out. A run on a fold makes no
    artifact.
    """

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Network:
    """The stages of an EfficientNetV2, one number per stage; by default those of B0."""

    repeats: tuple[int, ...] = (1, 2, 2, 3, 5, 8)
    input_filters: tuple[int, ...] = (32, 16, 32, 48, 96, 112)
    output_filters: tuple[int, ...] = (16, 32, 48, 96, 112, 192)
    expansions: tuple[int, ...] = (1, 4, 4, 4, 6, 6)
    squeezes: tuple[float, ...] = (0, 0, 0, 0.25, 0.25, 0.25)
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2)
    kinds: tuple[str, ...] = ("fused", "fused", "fused", "unfused", "unfused", "unfused")


@dataclass(frozen=True, slots=True)
class Recipe:
    """See `training/recipes/*.toml`, where each field is explained by its value.

    Attributes:
        labels: The classes, in the model's order. Empty: those of the data (`with_labels`). Of others than
            `logo`, nothing is drawn: programs draw what is no logo.
        size: Pixels, height and width, at which the model serves.
        class_weights: Of a label in the loss; 1 where none is given.
        class_shares: Of a label in every batch, relative to the others'; 1 where none is given. That of
            `out_of_domain` may be 0: then no image has that label.
        degradations: How pictures of a category, or else of a label, are degraded (`FORMS`).
        recombined: Of a category, the share of degradations made of two pictures.
        limits: What a model of these images cannot do: sentences for its card.
        distillation: What the model learns from a teacher, where it has one.
        fold: What it is validated on, where that is not the hold-out.
        fit_seed: Of the first weights, the order of the images and dropout, where these have one of their
            own. `seed` decides the hold-out and the pictures in any case.
    """

    name: str
    version: str
    seed: int
    hold_out: HoldOut
    stages: tuple[Stage, ...]
    warm_up: int
    weight_decay: float
    label_smoothing: float
    dropout: float
    ema: float
    mixed_precision: bool
    labels: tuple[str, ...] = ()
    backbone: str = "efficientnetv2-b0"
    skip_dropout: float = 0.0
    network: Network = field(default_factory=Network)
    size: int = 224
    class_weights: Mapping[str, float] = field(default_factory=lambda: _NONE)
    class_shares: Mapping[str, float] = field(default_factory=lambda: _NONE)
    degradations: Mapping[str, str] = field(default_factory=lambda: _FORMS)
    recombined: Mapping[str, float] = field(default_factory=lambda: _NONE)
    held_out_kinds: frozenset[str] = frozenset()
    variants: Mapping[str, int] = field(default_factory=lambda: _NONE)
    drawn: Mapping[str, int] = field(default_factory=lambda: _NONE)
    drawn_validation: Mapping[str, int] = field(default_factory=lambda: _NONE)
    limits: tuple[str, ...] = ()
    distillation: Distillation | None = None
    fold: Fold | None = None
    fit_seed: int | None = None

    @property
    def fitting_seed(self) -> int:
        """The seed of fitting."""
        return self.seed if self.fit_seed is None else self.fit_seed

    @property
    def trained_labels(self) -> tuple[str, ...]:
        """The labels that images have: all but an `out_of_domain` with a share of 0."""
        return tuple(label for label in self.labels if self.class_shares.get(label, 1.0) > 0)

    @property
    def unseen_labels(self) -> tuple[str, ...]:
        """Those that no image has."""
        return tuple(label for label in self.labels if label not in self.trained_labels)

    @property
    def draws(self) -> bool:
        """Whether drawings are made beside the images: they show what is no logo."""
        return LOGO in self.labels

    @property
    def drawings(self) -> Mapping[str, int]:
        """The drawings to train on that are made: none, where they say nothing of the labels."""
        return self.drawn if self.draws else _NONE

    @property
    def validation_drawings(self) -> Mapping[str, int]:
        """Likewise, to validate on."""
        return self.drawn_validation if self.draws else _NONE

    @property
    def spec(self) -> ImageSpec:
        """How the model's images are decoded."""
        return ImageSpec(self.size, self.size)

    def shares(self) -> list[float]:
        """Of a batch, by class; they add up to 1."""
        return _normalised([self.class_shares.get(label, 1.0) for label in self.labels])

    def weights(self) -> list[float]:
        """Of an example in the loss, by class; 1 on average over a batch."""
        weights = [self.class_weights.get(label, 1.0) for label in self.labels]
        mean = sum(share * weight for share, weight in zip(self.shares(), weights, strict=True))
        return [weight / mean for weight in weights]

    def priors(self) -> list[float]:
        """How often each class comes for which the probabilities hold: its share of the loss."""
        return [share * weight for share, weight in zip(self.shares(), self.weights(), strict=True)]

    def without_distillation(self) -> "Recipe":
        """The same recipe for one who learns from the labels alone."""
        return replace(self, distillation=None)

    def base_rate(self) -> float:
        """The prior of a class beside `out_of_domain`: with equal weights, 1 by the number of classes."""
        rest = self.priors()[self.labels.index(OUT_OF_DOMAIN)]
        return (1 - rest) / (len(self.labels) - 1)


def with_labels(text: str, labels: Iterable[str]) -> str:
    """A recipe's TOML that names the labels of its data, where it names none.

    Args:
        text: The recipe.
        labels: Those that the images have. `out_of_domain` comes first, and is there in any case; where no
            image has it, its share of every batch is 0.
    """
    if "labels" in tomllib.loads(text):
        return text
    present = set(labels)
    quoted = ", ".join(json.dumps(label) for label in (OUT_OF_DOMAIN, *sorted(present - {OUT_OF_DOMAIN})))
    lines = ["# Of the data.", f"labels = [{quoted}]"]
    if OUT_OF_DOMAIN not in present:
        lines.append(f"class_shares = {{ {OUT_OF_DOMAIN} = 0 }}")
    return "\n".join((*lines, text))


def _normalised(values: list[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def read_recipe(path: Path, labels: Iterable[str] = ()) -> Recipe:
    """Parse a recipe.

    Args:
        path: A TOML file.
        labels: Those of the data, which are the recipe's where it names none.

    Raises:
        RecipeInvalid: It cannot be read, a field is missing or unknown, or contradicts another; names it.
    """
    try:
        recipe = _parse(path, labels)
    except FileNotFoundError as error:
        raise RecipeInvalid(f"no such file: {path}{hint(path.stem, shipped_recipes())}") from error
    except OSError as error:
        raise RecipeInvalid(f"cannot read {path}: {error.strerror}") from error
    except (TypeError, ValueError) as error:  # no TOML, or a field that there is not
        raise RecipeInvalid(f"{path}: {error}") from error
    check_recipe(recipe, path)
    return recipe


def shipped_recipes() -> dict[str, Path]:
    """The recipes beside this module, by name. A search space, `NAME.search.toml`, is none."""
    paths = sorted(Path(__file__).with_name("recipes").glob("*.toml"))
    return {path.stem: path for path in paths if "." not in path.stem}


def _made(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """A dataclass of its fields. Raises ValueError for one that it has not, and for one that it lacks."""
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # each is a dataclass
    if strange := next((name for name in values if name not in known), None):
        raise ValueError(f"{strange}: no such field{hint(strange, known)}")
    needed = (name for name, one in known.items() if one.default is one.default_factory is MISSING)
    if lacking := next((name for name in needed if name not in values), None):
        raise ValueError(f"{lacking}: is missing")
    return kind(**values)


def _check_types(values: Mapping[str, Any]) -> None:
    """Raise ValueError where a field of a recipe is of another type than it should be; names it.

    JSON is what is checked, since a list is a tuple there, but a text is no number.
    """
    held = values.get("hold_out", {})
    if isinstance(held, Mapping):
        held = {"sources": {}, "seed": 0, **held}
        if isinstance(kinds := held.pop("kinds", []), list):
            values = {**values, "held_out_kinds": kinds}
    document = json.dumps({**values, "hold_out": held}, default=str)
    try:
        TypeAdapter(Recipe).validate_json(document, strict=True)
    except ValidationError as error:
        for found in error.errors():
            if found["type"] not in ("missing", "value_error"):  # these are told better where they are made
                place = ".".join(map(str, found["loc"]))
                raise ValueError(
                    f"{place}: {found['input']!r}: {found['msg'].replace('Input', 'it', 1)}"
                ) from None


def recipe_of(manifest: Path, read: Mapping[str, Any]) -> Recipe:
    """The recipe that an artifact's manifest has under `training`.

    Raises:
        RecipeInvalid: It is not one that this version reads.
    """
    try:
        recipe = _made_of(read)
    except (TypeError, ValueError) as error:
        raise RecipeInvalid(f"{manifest}: training: recipe: {error}") from error
    check_recipe(recipe, manifest)
    return recipe


def _parse(path: Path, labels: Iterable[str]) -> Recipe:
    text, of_data = path.read_text(), tuple(labels)
    return _made_of(tomllib.loads(with_labels(text, of_data) if of_data else text))


def _made_of(read: Mapping[str, Any]) -> Recipe:
    values: dict[str, Any] = {_FORMER_NAMES.get(name, name): value for name, value in read.items()}
    _check_types(values)
    hold_out, kinds = _hold_out(values)
    values.pop("hold_out", None)
    values["labels"] = tuple(values.get("labels", ()))
    values["limits"] = tuple(values.get("limits", ()))
    values["stages"] = tuple(_made(Stage, stage) for stage in values.pop("stages", ()))
    if (distillation := values.pop("distillation", None)) is not None:
        values["distillation"] = _distillation(distillation)
    if (fold := values.pop("fold", None)) is not None:
        values["fold"] = _made(Fold, fold)
    network = {name: tuple(numbers) for name, numbers in values.pop("network", {}).items()}
    tables = {name: MappingProxyType(value) for name, value in values.items() if isinstance(value, dict)}
    parsed = {"hold_out": hold_out, "held_out_kinds": kinds, "network": _made(Network, network)}
    return _made(Recipe, {**parsed, **values, **tables})


def _distillation(values: Mapping[str, Any]) -> Distillation:
    teachers = tuple(
        _made(
            TeacherRecipe,
            {**teacher, "stages": tuple(_made(Stage, one) for one in teacher.get("stages", ()))},
        )
        for teacher in values.get("teachers", ())
    )
    return _made(Distillation, {**values, "teachers": teachers})


def hold_out_of(values: Mapping[str, Any]) -> tuple[HoldOut, frozenset[str]]:
    """What the recipe in an artifact's manifest keeps from training: images, and kinds of drawings.

    Raises:
        RecipeInvalid: That it does not say.
    """
    try:
        return _hold_out(values)
    except (TypeError, ValueError, AttributeError) as error:
        raise RecipeInvalid(f"a manifest's recipe: hold_out: {error}") from error


def _hold_out(values: Mapping[str, Any]) -> tuple[HoldOut, frozenset[str]]:
    held = {"sources": {}, "seed": values.get("seed", 0), **values.get("hold_out", {})}
    kinds = frozenset(held.pop("kinds", ()))
    return _made(HoldOut, held), kinds


def check_recipe(recipe: Recipe, path: Path) -> None:
    """Raises RecipeInvalid where a recipe contradicts itself."""
    labels = recipe.labels
    if not labels and (recipe.class_weights or recipe.class_shares):
        raise RecipeInvalid(f"{path}: class_weights and class_shares need labels: name these, too")
    if labels and (len(labels) < 2 or len(set(labels)) != len(labels) or OUT_OF_DOMAIN not in labels):
        raise RecipeInvalid(f"{path}: labels are at least two, distinct, and {OUT_OF_DOMAIN} is one of them")
    for label in labels:
        if not is_plain(label):  # it names a folder, too
            raise RecipeInvalid(f"{path}: labels: {label!r} is not a plain name: {PLAIN}")
    for name in ("class_weights", "class_shares"):
        for label, value in getattr(recipe, name).items():
            may_be_0 = (name, label) == ("class_shares", OUT_OF_DOMAIN)
            if label not in labels or not (value > 0 or (value == 0 and may_be_0)):
                raise RecipeInvalid(f"{path}: {name}: {label} = {value} is not a positive number of a label")
    for category, form in recipe.degradations.items():
        if form not in FORMS:
            raise RecipeInvalid(f"{path}: degradations: {category} = {form!r} is none of {', '.join(FORMS)}")
    if (distillation := recipe.distillation) is not None:
        if not 0 <= distillation.weight <= 1:
            raise RecipeInvalid(f"{path}: distillation: weight: {distillation.weight} is not 0 to 1")
        if not distillation.temperature > 0:
            raise RecipeInvalid(
                f"{path}: distillation: temperature: {distillation.temperature} is not above 0"
            )
    if (fold := recipe.fold) is not None and not 0 <= fold.number < fold.of >= 2:
        raise RecipeInvalid(f"{path}: fold: {fold.number} of {fold.of} is not 0 to of - 1, of 2 or more")
    for name, seed in (("seed", recipe.seed), ("fit_seed", recipe.fitting_seed)):
        if not 0 <= seed < MAX_SEED:
            raise RecipeInvalid(f"{path}: {name}: {seed} is not 0 to {MAX_SEED - 1}")
    if recipe.warm_up < 1:
        raise RecipeInvalid(f"{path}: warm_up: {recipe.warm_up} is not at least 1")
    if not recipe.stages:
        raise RecipeInvalid(f"{path}: stages: there are none")
    for number, stage in enumerate(recipe.stages, 1):
        if not 0 < stage.size <= recipe.size or stage.batch < 1:
            raise RecipeInvalid(f"{path}: stage {number}: size is 1 to {recipe.size}, batch at least 1")
