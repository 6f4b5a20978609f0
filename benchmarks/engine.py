"""The ceilings: what the engine does alone (E), and what decoding and the engine do without HTTP (D).

    python -m benchmarks.engine ARTIFACT FILES PRECISION

is a subprocess; there is one per core, with one thread each, and they measure at the same time.

E: OpenVINO on the artifact's model.onnx with a static batch of 1, on tensors that are in memory already.
It is compiled here and not by `logo_detection.classifier`, so that a slower classifier shows as such.

D: `logo_detection.pool.worker.answer`, which is all that a worker does for one image (header gate, decode,
resize, score), on the files' bytes as they are: no base64, no frames, no socket, no pool, no HTTP.
"""

import base64
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np
import openvino as ov
import psutil

from benchmarks.decoders import best_decoder_ms
from benchmarks.files import File, read_files
from logo_detection.artifact import load_artifact
from logo_detection.classifier import ModelSource, Precision
from logo_detection.decode.header import read_header
from logo_detection.decode.image import decode, load_image
from logo_detection.decode.spec import Pixels
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.process import WORKER_ENVIRONMENT
from logo_detection.pool.worker import answer, decode_base64, prepare
from tests.harness.process import Document, HarnessError, Subprocess, serve_commands

TENSORS = 16  # decoded images in memory: 10 MB, more than a core's cache has
STAGED_FILES = 50
GOLDEN = "golden"
GOLDEN_ANSWERS = ".json"


class Ceilings:
    """Both ceilings of one core, warm."""

    def __init__(self, artifact: Path, files: list[File], precision: Precision) -> None:
        source = load_artifact(artifact).model_source("openvino", precision)
        self._config = WorkerConfig(source)
        self._classifier = prepare(self._config)
        self._files = files
        self._golden = artifact / GOLDEN
        self._request = compile_engine(source)
        self._tensors = [
            ov.Tensor(np.ascontiguousarray(load_image(file.data, source.spec)[np.newaxis]))
            for file in files[:TENSORS]
        ]

    def engine(self, command: Document) -> Document:
        """E, for so many seconds."""
        return _timed(self._infer, cycle(self._tensors), command["seconds"])

    def decoding(self, command: Document) -> Document:
        """D, for so many seconds."""
        return _timed(self._answer, cycle(file.data for file in self._files), command["seconds"])

    def stages(self, command: Document) -> Document:
        """CPU milliseconds per image of each stage in a worker, as the mean of the same files."""
        files = self._files[:STAGED_FILES]
        spec, limits = self._config.source.spec, self._config.limits
        texts = [base64.b64encode(file.data) for file in files]
        headers = [read_header(file.data, limits) for file in files]
        pixels: list[Pixels] = [load_image(file.data, spec) for file in files[:TENSORS]]
        repeated = list(islice(cycle(pixels), len(files)))
        return {
            "base64": _mean_cpu_ms(decode_base64, texts),
            "header gate": _mean_cpu_ms(lambda file: read_header(file.data, limits), files),
            "decode and resize": _mean_cpu_ms(
                lambda pair: decode(pair[0].data, pair[1], spec), list(zip(files, headers, strict=True))
            ),
            "score": _mean_cpu_ms(self._classifier.score, repeated),
        }

    def decoders(self, command: Document) -> Document:
        """Milliseconds of the best decoder of each large file of a folder."""
        return {file.name: best_decoder_ms(file.data) for file in read_files(Path(command["folder"]))}

    def golden_scores(self, command: Document) -> Document:
        """The scores of the artifact's golden images."""
        images = [path for path in sorted(self._golden.iterdir()) if path.suffix != GOLDEN_ANSWERS]
        return {path.name: self._answer(path.read_bytes())["scores"] for path in images}

    def _infer(self, tensor: ov.Tensor) -> None:
        self._request.set_input_tensor(tensor)
        self._request.infer()

    def _answer(self, data: bytes) -> Document:
        given = answer(data, False, self._classifier, self._config)
        if "scores" not in given:
            raise HarnessError(f"a file was not scored: {given}")
        return given


def compile_engine(source: ModelSource) -> ov.InferRequest:
    """The engine as nothing but OpenVINO sees it: one thread, one stream, a static batch of 1."""
    core = ov.Core()
    model = core.read_model(source.path)
    model.reshape([1, source.spec.height, source.spec.width, 3])
    config = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "bf16" if source.precision == "bf16" else "f32",
    }
    return core.compile_model(model, "CPU", config).create_infer_request()


def _timed(work: Callable[[Any], Any], items: Iterator[Any], seconds: float) -> Document:
    began, cpu_s = perf_counter(), thread_time()
    until = began + seconds
    images = 0
    while (now := perf_counter()) < until:
        work(next(items))
        images += 1
    return {"images": images, "seconds": now - began, "cpu_s": thread_time() - cpu_s}


def _mean_cpu_ms(work: Callable[[Any], Any], items: Iterable[Any]) -> float:
    items = list(items)
    began = thread_time()
    for item in items:
        work(item)
    return 1000 * (thread_time() - began) / len(items)


def ceilings(artifact: Path, files: Path, precision: Precision = "f32") -> Subprocess:
    """The subprocess of one core, in the environment of a worker: its threads, its malloc."""
    return Subprocess("benchmarks.engine", artifact, files, precision, environment=WORKER_ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What all cores do together.

    Attributes:
        cpu_ms: CPU milliseconds per image.
        others_cores: Cores that went to processes which are not the benchmark's, on average.
    """

    images_per_s: float
    cpu_ms: float
    others_cores: float


def measure_ceiling(engines: Sequence[Subprocess], do: str, seconds: float) -> Ceiling:
    """E or D (`engine`, `decoding`), on all cores at once, for so many seconds."""
    began, busy = perf_counter(), busy_s()
    for engine in engines:
        engine.tell({"do": do, "seconds": seconds})
    answers = [engine.answer() for engine in engines]
    cpu_s = sum(each["cpu_s"] for each in answers)
    return Ceiling(
        images_per_s=sum(each["images"] / each["seconds"] for each in answers),
        cpu_ms=1000 * cpu_s / sum(each["images"] for each in answers),
        others_cores=(busy_s() - busy - cpu_s) / (perf_counter() - began),
    )


def busy_s() -> float:
    """Seconds that all cores together have worked since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def main(artifact: str, folder: str, precision: Precision) -> None:
    both = Ceilings(Path(artifact), read_files(Path(folder)), precision)
    serve_commands(
        {
            "engine": both.engine,
            "decoding": both.decoding,
            "stages": both.stages,
            "golden": both.golden_scores,
            "decoders": both.decoders,
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
