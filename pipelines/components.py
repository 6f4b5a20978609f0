"""The components: each step with typed artifacts, as Kubeflow starts it.

A component's body goes to the cluster as text, so it imports what it needs, from the project that the image
has; what a step does is in `pipelines.steps`. Kubeflow's tasks have no timeouts, so the steps have.
"""

from kfp import dsl

IMAGE = "logo-detection-pipeline"  # that of a component by itself; a pipeline says which one it takes


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def check_parameters(
    recipe: str,
    version: str,
    thresholds: dict,  # type: ignore[type-arg]  # Kubeflow's dictionaries and lists have no types
    sample: int,
    processes: int,
) -> str:
    """Refuse, before hours of training, what later steps would refuse. Gives the recipe's text."""
    from pipelines import steps

    return steps.check_parameters(recipe, version, thresholds, sample, processes)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def import_categories(
    categories: list,  # type: ignore[type-arg]
    contact: str,
    depth: int,
    limit: int,
    api: str,
    timeout_s: int,
    dataset: dsl.Output[dsl.Dataset],
) -> None:
    """Fetch the files of categories of a wiki."""
    from pathlib import Path

    from pipelines import steps

    wiki = steps.WikiImport(categories, contact, depth, limit, api)
    dataset.metadata["files"] = steps.import_categories(wiki, Path(dataset.path), timeout_s)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(
    dataset: dsl.Input[dsl.Dataset],
    manifest: str,
    recipe: str,
    weights: str,
    processes: int,
    timeout_s: int,
    candidate: dsl.Output[dsl.Model],
    holdout: dsl.Output[dsl.Dataset],
    record: dsl.Output[dsl.Artifact],
) -> None:
    """Train on the images of a folder, or of a manifest in it, and export the artifact to evaluate."""
    from pathlib import Path

    from pipelines import steps

    results = steps.TrainingOutputs(Path(candidate.path), Path(holdout.path), Path(record.path))
    artifact = steps.train(Path(dataset.path) / manifest, recipe, weights, results, timeout_s, processes)
    candidate.metadata.update(name=artifact.name, version=artifact.version, labels=list(artifact.labels))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def search(
    dataset: dsl.Input[dsl.Dataset],
    manifest: str,
    recipe: str,
    space: str,
    trials: int,
    seeds: int,
    timeout_s: int,
    best: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    outcome: dsl.Output[dsl.Metrics],
) -> None:
    """Find a recipe's numbers on folds of the training images. The metrics' file is `result.json`."""
    from pathlib import Path

    from pipelines import steps

    files = steps.SearchFiles(Path(best.path), Path(report.path), Path(outcome.path))
    plan = steps.SearchPlan(recipe, space, trials, seeds)
    for name, value in steps.search(Path(dataset.path) / manifest, plan, files, timeout_s).items():
        outcome.log_metric(name, value)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    candidate: dsl.Input[dsl.Model],
    holdout: dsl.Input[dsl.Dataset],
    timeout_s: int,
    evaluation: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    predictions: dsl.Output[dsl.Dataset],
) -> None:
    """Evaluate the artifact on the hold-out. The metrics' file is `evaluation.json`."""
    from pathlib import Path

    from pipelines import steps

    files = steps.EvaluationFiles(Path(evaluation.path), Path(report.path), Path(predictions.path))
    found = steps.evaluate(Path(candidate.path), Path(holdout.path), files, timeout_s)
    for name, value in found.items():
        evaluation.log_metric(name, value)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def gate(
    evaluation: dsl.Input[dsl.Metrics],
    thresholds: dict,  # type: ignore[type-arg]
) -> None:
    """Fail, and so stop the run, where the model misses a threshold."""
    from pathlib import Path

    from pipelines import steps

    for finding in steps.check_gate(Path(evaluation.path), thresholds):
        print(finding)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def export(candidate: dsl.Input[dsl.Model], release: dsl.Output[dsl.Model]) -> None:
    """Release the artifact: what a server's storage URI may point to."""
    from pathlib import Path

    from pipelines import steps

    artifact = steps.export(Path(candidate.path), Path(release.path))
    release.metadata.update(name=artifact.name, version=artifact.version, labels=list(artifact.labels))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def score_sample(
    release: dsl.Input[dsl.Model],
    holdout: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    files: int,
    timeout_s: int,
    scores: dsl.Output[dsl.Dataset],
    outcome: dsl.Output[dsl.Metrics],
) -> None:
    """Score some of the hold-out with the release as a batch job does: Parquet, a row per file."""
    from pathlib import Path

    from pipelines import steps

    model, images, expected = Path(release.path), Path(holdout.path), Path(predictions.path)
    sample = steps.score_sample(model, images, expected, files, Path(scores.path), timeout_s)
    outcome.log_metric("files", sample.files)
    outcome.log_metric("largest_difference", sample.difference)
