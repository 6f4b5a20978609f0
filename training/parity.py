"""Parity: that an artifact's `.keras` file gives its golden scores under every backend of Keras.

    make parity-backends

Each backend has a process of its own, because Keras chooses its backend when it is imported.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from logo_detection.artifact import Artifact, load_artifact
from logo_detection.decode.image import load_image
from release import golden

BACKENDS = ("tensorflow", "jax", "torch")
BACKEND_TOLERANCE = 1e-4  # of a probability; 7e-7 was measured
TIMEOUT_S = 600  # JAX compiles each layer anew: 70 s were measured


def difference(artifact: Artifact) -> float:
    """The largest difference from the golden scores, under the backend that this process has."""
    import keras
    import keras_cv  # noqa: F401  registers the layers of the model

    model = keras.models.load_model(artifact.model_source("keras").path, compile=False)
    expected = json.loads((artifact.path / golden.DIRECTORY / golden.EXPECTED).read_text())
    differences = []
    for name, data in golden.read_images(artifact.path).items():
        scores = model(load_image(data, artifact.spec)[None], training=False)
        wanted = np.array([expected[name][label] for label in artifact.labels])
        differences.append(np.abs(keras.ops.convert_to_numpy(scores)[0] - wanted))
    return float(np.max(differences))  # NaN if one is, where Python's max would pass it over


def difference_under(backend: str, artifact: Path) -> float:
    """The same, in a process with that backend. Raises CalledProcessError or TimeoutExpired."""
    command = [sys.executable, "-m", "training.parity", "--model", str(artifact), "--here"]
    environment = {**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(  # noqa: S603
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT_S
    )
    return float(done.stdout.split()[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line per backend; 1 if any differs by more than BACKEND_TOLERANCE."""
    parser = argparse.ArgumentParser(prog="parity", description="Compare a model's scores across backends.")
    parser.add_argument("--model", type=Path, default=Path("model_artifacts/logo-detection"))
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="all, if none is named")
    parser.add_argument("--here", action="store_true", help="in this process, under its own backend")
    options = parser.parse_args(arguments)
    if options.here:
        print(difference(load_artifact(options.model)))
        return 0
    differences = {name: difference_under(name, options.model) for name in options.backend or BACKENDS}
    for name, value in differences.items():
        print(f"{name:12}{value:.1e}  {'ok' if value <= BACKEND_TOLERANCE else 'DIFFERS'}")
    return int(not all(value <= BACKEND_TOLERANCE for value in differences.values()))


if __name__ == "__main__":
    sys.exit(main())
