"""Retraining: a new head for a model, from features and labels to an artifact to serve and a report.

    features ⋈ labels -> split -> Spark ML -> temperature -> backbone + new head -> report -> artifact

`heads.__main__` is the command.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from itertools import product, starmap
from pathlib import Path
from time import perf_counter
from typing import Any

from batch.errors import BatchError
from batch.lists import read_csv
from batch.spark import Session
from datasets.manifest import Example
from evaluation.evaluate import PAGE
from evaluation.outcomes import NO_SCORE, Outcome
from evaluation.report import render_markdown
from heads.holdout import HoldoutResult, balanced_accuracy, evaluate_holdout, serving_head
from heads.labels import Plan, as_examples, make_plan, small_classes, with_digests
from heads.publication import facts_of, unfinished, write_report
from heads.spark_ml import (
    CONF,
    UNTUNED,
    FeatureRow,
    Search,
    Setting,
    TrainedHead,
    check_same_head,
    find_features,
    read_features,
    read_labels,
    train_head,
)
from logo_detection.artifact import Artifact, load_artifact
from release.new_head import own_head, write_artifact

TUNED_REG_PARAMS, TUNED_ELASTIC_NETS = (0.001, 0.01, 0.1, 1.0), (0.0, 0.5)


def retrain_head(options: argparse.Namespace) -> None:
    """Train a head, evaluate it on the hold-out, write the report and the artifact, as the options say.

    Raises:
        LogoDetectionError: It cannot be done. No artifact is left, and no part of one.
    """
    began = perf_counter()
    if options.output.exists():
        raise BatchError(
            f"there is something at {options.output} already: an artifact is made anew, elsewhere"
        )
    source, search = load_artifact(options.model), _search(options)
    plan, trained, unusable = _train(options, source, search)
    _warn_of_a_worse_head(plan, trained)
    holdout = evaluate_holdout(plan, trained.logits, unusable)
    head = serving_head(plan, trained.head, holdout.calibration.temperature)
    training = _training_facts(options, trained)
    facts = facts_of(source, plan, head, holdout, training, options.name, options.version)
    with unfinished(options.output) as directory:
        artifact = write_artifact(source, head, facts, directory)
        write_report(options.report, artifact, facts, holdout, pictured=options.images is not None)
        directory.rename(options.output)
    _print_summary(options, source, artifact, holdout, perf_counter() - began)


def _train(
    options: argparse.Namespace, source: Artifact, search: Search
) -> tuple[Plan, TrainedHead, list[Outcome]]:
    old = own_head(source)
    session = Session(
        options.master,
        None,
        options.java_home,
        (*CONF, *options.conf),
        options.workers,
        "logo-fit",
        options.verbose,
    )
    path: str = options.labels
    # What is wrong with a CSV is told before Spark starts.
    examples = _examples(read_csv(Path(path)), options) if path.lower().endswith(".csv") else None
    with session.open() as spark:
        if examples is None:
            examples = _examples(read_labels(spark, path), options)
        rows = read_features(spark, options.features, source.version)
        check_same_head(rows, options.features, old, source.labels)
        usable, unusable = _with_features(examples, find_features(spark, rows, examples), options)
        plan = make_plan(usable, options.hold_out, options.seed, options.classes)
        for line in small_classes(plan):
            _say(line)
        return plan, train_head(spark, rows, plan, search), unusable


def _examples(rows: Iterable[Mapping[str, Any]], options: argparse.Namespace) -> dict[str, Example]:
    return as_examples(rows, options.labels, options.label_column, options.images)


def _with_features(
    examples: Mapping[str, Example], found: Mapping[str, FeatureRow], options: argparse.Namespace
) -> tuple[list[Example], list[Outcome]]:
    """Examples that have features; and the outcome of those that have none."""
    usable, unusable = [], []
    for name, example in examples.items():
        of_name = found.get(name, FeatureRow(None, NO_SCORE))
        if of_name.digest is None:
            unusable.append(Outcome(example, None, of_name.error))
        else:
            usable.append((example, of_name.digest))
    if not usable:
        raise BatchError(f"none of the {len(examples):,} names in {options.labels} is in {options.features}")
    return with_digests(usable), unusable


def _search(options: argparse.Namespace) -> Search:
    """With --tune, the settings that are used without it are the first to be tried."""
    reg_params = options.reg_param or (TUNED_REG_PARAMS if options.tune else (UNTUNED.reg_param,))
    elastic_nets = options.elastic_net or (
        TUNED_ELASTIC_NETS if options.tune else (UNTUNED.elastic_net_param,)
    )
    settings = tuple(starmap(Setting, product(reg_params, elastic_nets)))
    if not options.tune and len(settings) > 1:
        raise BatchError("to choose among several values is to --tune")
    return Search(
        tuple(dict.fromkeys((UNTUNED, *settings))) if options.tune else settings,
        options.folds if options.tune else 0,
        options.iterations,
        options.seed,
        options.workers,
        options.tune_time_s,
        _say,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"logo-fit: {line}\n")


def _warn_of_a_worse_head(plan: Plan, trained: TrainedHead) -> None:
    """The folds chose, and may have erred. The hold-out tells of that; if it chose, it would tell nothing."""
    if trained.untuned_logits is None:
        return
    tuned, untuned = (balanced_accuracy(plan, logits) for logits in (trained.logits, trained.untuned_logits))
    if tuned < untuned:
        _say(
            f"WARNING: the tuned head has a balanced accuracy of {tuned:.3f} on the hold-out; without --tune"
            f" it would be {untuned:.3f}"
        )


def _training_facts(options: argparse.Namespace, trained: TrainedHead) -> dict[str, Any]:
    return {
        "by": f"Spark ML {version('pyspark')} LogisticRegression",
        "labels": Path(options.labels).name,
        "seed": options.seed,
        "hold_out": options.hold_out,
        **trained.settings,
        "tuning": [dict(tried) for tried in trained.tuning],
    }


def _print_summary(
    options: argparse.Namespace,
    source: Artifact,
    artifact: Artifact,
    holdout: HoldoutResult,
    elapsed_s: float,
) -> None:
    sys.stdout.write(f"{render_markdown(holdout.evaluation)}\n{options.report / PAGE}\n")
    if len(artifact.model_files) < len(source.model_files):
        sys.stderr.write("logo-fit: TensorFlow is not installed: the artifact has no model.keras\n")
    sys.stderr.write(
        f"{options.output}: {artifact.name} {artifact.version}, {len(artifact.labels)} classes,"
        f" in {elapsed_s:.1f} s\n"
    )
