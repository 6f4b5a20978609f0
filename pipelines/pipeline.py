"""The pipelines: one from categories of a wiki, one from images that are there; then the same steps.

    check_parameters → import_categories ┐
                              or importer ┴→ train → evaluate → gate → export → score_sample

Two, and no condition in one: docs/decisions/two-pipelines.md. A third one finds a recipe: importer → search.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from kfp import dsl

from datasets.commons import COMMONS
from pipelines import components
from release.gate import Thresholds

RECIPE = "efficientnetv2-b0"
SAMPLE = 200  # files
TRIALS, SEEDS = 30, 5  # as logo-search has them
DEFAULT_THRESHOLDS = {name: value for name, value in asdict(Thresholds()).items() if value is not None}
HOUR = 3600  # seconds
BACKOFF = "60s"  # before the second try; twice as long before each that follows


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step may use of a node, and how often Kubeflow tries it again.

    Attributes:
        cpu: Cores, as Kubernetes writes them: request and limit.
        memory: Likewise.
        retries: After the first time. What fails for a reason fails quickly again.
    """

    cpu: str
    memory: str
    retries: int


NEVER_CACHED = ("check_parameters", "import_categories")  # the day and the wiki are not among their inputs
SMALL = Resources("1", "2Gi", 0)
RESOURCES = {
    "check_parameters": SMALL,
    "import_categories": Resources("1", "2Gi", 3),
    "train": Resources("4", "8Gi", 1),
    "search": Resources("4", "8Gi", 0),
    "evaluate": Resources("2", "4Gi", 1),
    "gate": SMALL,
    "export": SMALL,
    "score_sample": Resources("2", "4Gi", 1),
}
TIMEOUTS_S = {
    "import_categories": 24 * HOUR,
    "train": 48 * HOUR,
    "search": 240 * HOUR,
    "evaluate": 4 * HOUR,
    "score_sample": HOUR,
}


class Outputs(NamedTuple):
    """What a run makes."""

    release: dsl.Model
    report: dsl.HTML
    scores: dsl.Dataset


@dataclass(frozen=True, slots=True)
class TrainingParameters:
    """What a training is told beside its data set; the values are Kubeflow's channels."""

    manifest: Any
    weights: Any
    processes: Any
    thresholds: Any
    sample: Any


def from_categories(image: str) -> Any:
    """The pipeline that begins at categories, with all steps in an image."""

    @dsl.pipeline(name="logo-detection-from-categories", display_name="Logo detection, from categories")
    def pipeline(
        categories: list,  # type: ignore[type-arg]
        contact: str,
        depth: int = 2,
        limit: int = 2000,
        api: str = COMMONS,
        recipe: str = RECIPE,
        version: str = "",
        weights: str = "",
        processes: int = 1,
        thresholds: dict = DEFAULT_THRESHOLDS,  # type: ignore[type-arg]
        sample: int = SAMPLE,
    ) -> Outputs:
        """Categories of Wikimedia Commons become a model that is evaluated, exported and tried.

        Args:
            categories: Such as "logo=Category:Logos of companies"; or label/category=Category:Title.
            contact: Mail address or URL at which the wiki's people reach you.
            depth: Levels of subcategories.
            limit: Files of each category.
            api: Of the wiki.
            recipe: The name of one of training/recipes, or a recipe's TOML.
            version: Of the model, in which {date} stands for the day (20261231); empty for the recipe's.
            weights: To begin with: imagenet, or a file in the image; empty for none.
            processes: Of the pod that trains, each with a part of every batch.
            thresholds: Of the gate. What is left out has its default.
            sample: Files that are scored once more, as a batch job does.
        """
        checked = _step(components.check_parameters, image)(
            recipe=recipe, version=version, thresholds=thresholds, sample=sample, processes=processes
        )
        imported = _step(components.import_categories, image)(
            categories=categories, contact=contact, depth=depth, limit=limit, api=api
        ).after(checked)
        return _make(
            image,
            imported.output,
            checked.output,
            TrainingParameters("", weights, processes, thresholds, sample),
        )

    return pipeline


def from_manifest(image: str) -> Any:
    """The pipeline that begins at images, with all steps in an image."""

    @dsl.pipeline(name="logo-detection-from-manifest", display_name="Logo detection, from a manifest")
    def pipeline(
        dataset: str,
        manifest: str = "",
        recipe: str = RECIPE,
        version: str = "",
        weights: str = "",
        processes: int = 1,
        thresholds: dict = DEFAULT_THRESHOLDS,  # type: ignore[type-arg]
        sample: int = SAMPLE,
    ) -> Outputs:
        """A folder of labelled images becomes a model that is evaluated, exported and tried.

        Args:
            dataset: The folder's address in an object store (s3://, gs://, minio://). What is at an address
                must not change: Kubeflow's cache would not see it.
            manifest: Its name in the folder, if it is not manifest.csv or manifest.parquet.
            recipe: The name of one of training/recipes, or a recipe's TOML.
            version: Of the model, in which {date} stands for the day (20261231); empty for the recipe's.
            weights: To begin with: imagenet, or a file in the image; empty for none.
            processes: Of the pod that trains, each with a part of every batch.
            thresholds: Of the gate. What is left out has its default.
            sample: Files that are scored once more, as a batch job does.
        """
        checked = _step(components.check_parameters, image)(
            recipe=recipe, version=version, thresholds=thresholds, sample=sample, processes=processes
        )
        images = dsl.importer(artifact_uri=dataset, artifact_class=dsl.Dataset)
        return _make(
            image,
            images.output,
            checked.output,
            TrainingParameters(manifest, weights, processes, thresholds, sample),
        )

    return pipeline


class SearchOutputs(NamedTuple):
    """What a search makes."""

    best: dsl.Artifact
    report: dsl.HTML


def for_search(image: str) -> Any:
    """The pipeline that finds a recipe, with all steps in an image."""

    @dsl.pipeline(name="logo-detection-search", display_name="Logo detection, search for a recipe")
    def pipeline(
        dataset: str,
        manifest: str = "",
        recipe: str = RECIPE,
        space: str = "",
        trials: int = TRIALS,
        seeds: int = SEEDS,
    ) -> SearchOutputs:
        """A recipe's numbers are searched on folds of a folder's images; nothing held out is used.

        Args:
            dataset: The folder's address in an object store (s3://, gs://, minio://).
            manifest: Its name in the folder, if it is not manifest.csv or manifest.parquet.
            recipe: The name of one of training/recipes, or a recipe's TOML.
            space: What may change in it, as TOML; empty for the recipe's own .search.toml.
            trials: Trainings, by numbers that differ.
            seeds: Trainings of the recipe, and of the best one, on another fold, to compare them.
        """
        images = dsl.importer(artifact_uri=dataset, artifact_class=dsl.Dataset)
        found = _step(components.search, image)(
            dataset=images.output, manifest=manifest, recipe=recipe, space=space, trials=trials, seeds=seeds
        ).outputs
        return SearchOutputs(found["best"], found["report"])

    return pipeline


def _make(image: str, dataset: Any, recipe: Any, parameters: TrainingParameters) -> Outputs:
    """The steps from a data set on. The recipe is text."""
    trained = _step(components.train, image)(
        dataset=dataset,
        manifest=parameters.manifest,
        recipe=recipe,
        weights=parameters.weights,
        processes=parameters.processes,
    ).outputs
    candidate, holdout = trained["candidate"], trained["holdout"]
    evaluated = _step(components.evaluate, image)(candidate=candidate, holdout=holdout).outputs
    opened = _step(components.gate, image)(
        evaluation=evaluated["evaluation"], thresholds=parameters.thresholds
    )
    release = _step(components.export, image)(candidate=candidate).after(opened).output
    scored = _step(components.score_sample, image)(
        release=release, holdout=holdout, predictions=evaluated["predictions"], files=parameters.sample
    ).outputs
    return Outputs(release, evaluated["report"], scored["scores"])


def _step(component: Any, image: str) -> Callable[..., Any]:
    """A component as a task, with its image, its resources and its time limit."""
    name = component.python_func.__name__
    resources = RESOURCES[name]

    def start(**arguments: Any) -> Any:
        if timeout_s := TIMEOUTS_S.get(name):
            arguments["timeout_s"] = timeout_s
        task = component(**arguments).set_container_image(image)
        task.set_cpu_request(resources.cpu).set_cpu_limit(resources.cpu)
        task.set_memory_request(resources.memory).set_memory_limit(resources.memory)
        task.set_caching_options(name not in NEVER_CACHED)
        if resources.retries:
            task.set_retry(resources.retries, backoff_duration=BACKOFF, backoff_factor=2)
        return task

    return start
