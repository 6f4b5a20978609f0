"""The document: `evaluation.json`, which says what was evaluated, on what, and how well it did."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from datasets.manifest import Example
from evaluation.errors import EvaluationError
from evaluation.metrics import target_of
from evaluation.outcomes import PAIR, RECODING
from evaluation.report import Evaluation, base_rates_of, rate_text
from logo_detection.artifact import Artifact, read_manifest

SCHEMA_VERSION = 2
MAX_DOCUMENT_BYTES = 16 * 2**20


def make_document(artifact: Artifact, examples: Iterable[Example], evaluation: Evaluation) -> dict[str, Any]:
    """All of it, as plain values; the same for the same model, files and scores.

    `logo-evaluate --beside` adds a `comparison`, and `logo-fit` a `head`.
    """
    measured = evaluation.as_dict()
    return {
        "schema_version": SCHEMA_VERSION,
        "model": describe_model(artifact),
        "data": describe_data(examples),
        "base_rates": base_rates_of(measured),
        "evaluation": measured,
    }


def describe_model(artifact: Artifact) -> dict[str, Any]:
    """Name, version, classes, files by SHA-256, and its calibration (None for a bare `.keras`)."""
    described = {
        "name": artifact.name,
        "version": artifact.version,
        "labels": list(artifact.labels),
        "target": artifact.labels[target_of(artifact.labels)],
    }
    if artifact.path.is_file():
        with artifact.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {**described, "files": {artifact.path.name: digest}, "calibration": None}
    manifest = read_manifest(artifact.path)
    return {**described, "files": manifest.files, "calibration": manifest.calibration.model_dump()}


def describe_data(examples: Iterable[Example]) -> dict[str, Any]:
    """How many files of each label, category, source and licence; and a digest that tells two sets apart."""
    examples = list(examples)
    counts = Counter(
        (example.label, example.category, example.source, example.licence) for example in examples
    )
    lines = sorted(
        "\t".join(
            [
                example.sha256,
                example.label,
                example.category,
                example.metadata.get(RECODING, ""),
                example.metadata.get(PAIR, ""),
            ]
        )
        for example in examples
    )
    return {
        "files": len(examples),
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "parts": [
            dict(zip(("label", "category", "source", "licence", "files"), (*key, count), strict=True))
            for key, count in sorted(counts.items())
        ],
    }


def read_document(path: Path) -> dict[str, Any]:
    """A former evaluation, with all that it takes to compare with it.

    Raises:
        EvaluationError: It cannot be read, or is none.
    """
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise EvaluationError(f"{path} has more than {MAX_DOCUMENT_BYTES:,} bytes")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise EvaluationError(f"{path} is not an evaluation of schema version {SCHEMA_VERSION}")
    try:
        _numbers(document["evaluation"])
        "".join((document["model"]["name"], document["model"]["version"], document["data"]["sha256"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvaluationError(f"{path} is not an evaluation: {error!r}") from error
    return document


def differences(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every number of headline and categories that two documents share: then, now, and by how much.

    What is found at each rate of false alarms comes first.
    """
    former, current = (_numbers(document["evaluation"]) for document in (then, now))
    return [
        {
            "recoding": recoding,
            "metric": metric,
            "then": former[recoding, metric],
            "now": value,
            "by": value - former[recoding, metric],
        }
        for (recoding, metric), value in current.items()
        if (recoding, metric) in former
    ]


def _numbers(evaluation: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    found = {}
    for recoding, targets in evaluation["rate_points_by_recoding"].items():
        for target, points in targets.items():
            for point in points:
                if point["recall"] is not None:
                    title = f"{target}: found at {rate_text(point['false_alarm_rate'])} false alarms"
                    found[recoding, title] = float(point["recall"]["share"])
    for recoding, metrics in evaluation["by_recoding"].items():
        for name, value in metrics.items():
            if isinstance(value, float):
                found[recoding, name] = value
        for category, part in metrics["by_category"].items():
            found[recoding, f"category {category}"] = float(part["share"])
    return found
