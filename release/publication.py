"""Publication: a directory with a model becomes an artifact, with its card and its manifest.

    manifest.json  model.keras  model.onnx  MODEL_CARD.md  golden/

Whoever makes a model, by training all of it or its head alone, publishes it here.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logo_detection.artifact import (
    AlarmThreshold,
    Artifact,
    Manifest,
    hash_files,
    load_artifact,
    read_manifest,
    write_manifest,
)
from logo_detection.classifier import Classifier
from logo_detection.errors import ArtifactError
from release import model_card
from release.model_card import Facts

EXPORT_TOLERANCE = 1e-5  # between Keras and OpenVINO in float32; 3e-6 was measured
LIBRARIES = (
    "keras",
    "keras-cv",
    "tensorflow-cpu",
    "tf2onnx",
    "onnx",
    "openvino",
    "numpy",
    "pillow",
    "pyvips",
    "pyvips-binary",
)


def publish(facts: Facts, directory: Path) -> Artifact:
    """Write the model card, then the manifest over all that lies in the directory.

    Raises:
        ArtifactError: A file is too large, or none is a model.
    """
    (directory / model_card.NAME).write_text(model_card.render_card(facts))
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        labels=facts.labels,
        image=facts.spec,
        files=hash_files(directory),
        calibration=facts.calibration,
        training=facts.training,
        libraries=_installed(LIBRARIES),
        metrics=facts.metrics,
        thresholds=_alarm_thresholds(facts.metrics.get("validation", {})),
    )
    write_manifest(directory, manifest)
    return load_artifact(directory)


def publish_as(version: str, directory: Path) -> Artifact:
    """Give the artifact in a directory another version: in its model card, and in its manifest.

    Raises:
        ArtifactError: It is no artifact, or not what its manifest says.
    """
    load_artifact(directory)
    manifest = read_manifest(directory)
    facts = Facts(
        name=manifest.name,
        version=version,
        labels=manifest.labels,
        spec=manifest.image,
        calibration=manifest.calibration,
        training=manifest.training,
        metrics=manifest.metrics,
    )
    return publish(facts, directory)


def _alarm_thresholds(evaluation: Mapping[str, Any]) -> tuple[AlarmThreshold, ...]:
    """Those of an `Evaluation.as_dict()`, as far as there were others enough to find them."""
    return tuple(
        AlarmThreshold(
            target=target,
            false_alarm_rate=point["false_alarm_rate"],
            threshold=point["point"]["threshold"],
            recall=point["recall"]["share"],
            recall_low=point["recall"]["low"],
            recall_high=point["recall"]["high"],
        )
        for target, points in evaluation.get("rate_points", {}).items()
        for point in points
        if point["point"] is not None
    )


def _installed(libraries: Sequence[str]) -> dict[str, str]:
    """The versions of those that are here: not every way to make a model needs all."""
    found = {}
    for library in libraries:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def check_parity(model: Any, classifier: Classifier, images: NDArray[np.float32]) -> float:
    """The largest difference between the scores of two runtimes, of float32[N, height, width, 3].

    Raises:
        ArtifactError: It is larger than EXPORT_TOLERANCE.
    """
    expected = np.asarray(model(images, training=False))
    scores = np.stack([classifier.score(image) for image in images])
    difference = float(np.abs(expected - scores).max())
    if not difference <= EXPORT_TOLERANCE:
        raise ArtifactError(f"Keras and OpenVINO differ by {difference:.1e} on {len(images)} images")
    return difference
