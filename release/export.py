"""Export: a trained Keras model becomes an artifact that the server can load.

    manifest.json  model.keras  model.onnx  MODEL_CARD.md  golden/

Nothing is published that was not checked: the ONNX model must agree with the Keras model on real
images, and the artifact must load.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from logo_detection.artifact import KERAS, ONNX, Artifact, load_artifact
from logo_detection.classifier import load_classifier
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import Pixels
from release import golden
from release.model_card import Facts
from release.publication import check_parity, publish


def export_artifact(model: Any, facts: Facts, destination: Path, images: Sequence[Pixels] = ()) -> Artifact:
    """Write the artifact of a float32 model into a directory, checked on its golden set and on `images`.

    Raises:
        ArtifactError: The two runtimes disagree, or a file came out too large.
    """
    destination.mkdir(parents=True, exist_ok=True)
    model.save(destination / KERAS, include_optimizer=False)
    export_onnx(model, destination / ONNX)
    golden.write_images(destination / golden.DIRECTORY)
    publish(facts, destination)
    artifact = load_artifact(destination)
    tensors = [load_image(data, facts.spec) for data in golden.read_images(destination).values()]
    check_parity(model, load_classifier(artifact.model_source("openvino")), np.stack([*tensors, *images]))
    golden.write_expected(artifact)
    return publish(facts, destination)


def git_commit() -> str:
    """The commit that is checked out; or that an image was made of, as its `REVISION` says; or `unknown`."""
    command = ["git", "rev-parse", "HEAD"]
    built_from = os.environ.get("REVISION", "unknown")
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except FileNotFoundError:  # an image has no git
        return built_from
    return found.stdout.strip() if found.returncode == 0 else built_from


def export_onnx(model: Any, path: Path) -> None:
    """`float32[N, height, width, 3]` in, `float32[N, classes]` out; only N is left open."""
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras exports no model that was never called
    model.export(path, format="onnx", verbose=False)
