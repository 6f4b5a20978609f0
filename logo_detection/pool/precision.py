"""Precision: whether workers are faster in f32 or in bf16, on this CPU, as measured.

    python -m logo_detection.pool.precision

is a process in the environment of a worker, so that the pool's own loads no engine. It reads a `WorkerConfig`
as JSON from stdin, and writes the milliseconds of an image by precision.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from logo_detection.classifier import Classifier, ModelSource, Precision, load_classifier
from logo_detection.decode.spec import Pixels
from logo_detection.errors import WorkerStartError
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.process import worker_environment

CANDIDATES: tuple[Precision, Precision] = ("f32", "bf16")
MEASURED_S = 1.0
"""For both together, from when both are compiled."""
TIMEOUT_S = 60.0
LEAST_GAIN = 1.05
"""How much faster bf16 has to be, because it moves scores by up to a hundredth."""


def faster(milliseconds: Mapping[Precision, float]) -> Precision:
    """bf16 where it gains enough, else f32."""
    return "bf16" if milliseconds["bf16"] * LEAST_GAIN <= milliseconds["f32"] else "f32"


def measure_apart(source: ModelSource) -> dict[Precision, float]:
    """CPU milliseconds of an image by precision, measured in a process like a worker's.

    Raises:
        WorkerStartError: The process failed, or took longer than TIMEOUT_S.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "logo_detection.pool.precision"],
            input=json.dumps(WorkerConfig(source).to_json()).encode(),
            env=worker_environment(),
            capture_output=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerStartError(f"PRECISION=auto: nothing was measured within {TIMEOUT_S:g} s") from error
    except OSError as error:
        raise WorkerStartError(f"PRECISION=auto: no process can be started: {error.strerror}") from error
    if done.returncode:
        raise WorkerStartError("PRECISION=auto: the engine could not be measured; name f32 or bf16")
    milliseconds: dict[Precision, float] = json.loads(done.stdout)
    return milliseconds


def measure(source: ModelSource, seconds: float = MEASURED_S) -> dict[Precision, float]:
    """CPU milliseconds of an image by precision: medians, by turns, so that both are disturbed alike."""
    classifiers = {
        precision: load_classifier(replace(source, precision=precision)) for precision in CANDIDATES
    }
    pixels = np.full((source.spec.height, source.spec.width, 3), 127, np.float32)
    for classifier in classifiers.values():
        classifier.score(pixels)  # the first one of each sets up what the others use
    until = perf_counter() + seconds
    taken: dict[Precision, list[float]] = {precision: [] for precision in CANDIDATES}
    while not taken["bf16"] or perf_counter() < until:
        for precision, classifier in classifiers.items():
            taken[precision].append(_cpu_ms(classifier, pixels))
    return {precision: median(each) for precision, each in taken.items()}


def _cpu_ms(classifier: Classifier, pixels: Pixels) -> float:
    began = thread_time()
    classifier.score(pixels)
    return 1000 * (thread_time() - began)


def main() -> None:
    """Answer on stdout for the configuration on stdin."""
    config = WorkerConfig.from_json(json.load(sys.stdin))
    json.dump(measure(config.source), sys.stdout)


if __name__ == "__main__":
    main()
