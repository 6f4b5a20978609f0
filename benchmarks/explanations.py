"""Explanations: what they cost, and that a score costs as much as before.

    python -m benchmarks.explanations --model model_artifacts/logo-detection --rounds 200

Two workers take turns with one image: one has explained before, the other one never does.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from logo_detection.artifact import load_artifact
from logo_detection.classifier import Contrast, ModelSource
from logo_detection.pool.messages import Task, WorkerConfig
from logo_detection.pool.pool import ScoringPool
from model_server.metrics import resident_bytes

IMAGE = Path("samples/logo.png")
PATIENCE_S = 180.0  # of a busy machine with TensorFlow


@dataclass(frozen=True, slots=True)
class Costs:
    """Medians over the rounds.

    Attributes:
        first_s: From asking for a worker's first explanation to having it.
        built_bytes: What the worker has grown by with it.
        score_ms: Of a worker that never explains: inference alone.
        after_ratio: The same of the worker that has explained, over `score_ms`, round by round.
        explain_ratio: Of an explanation (inference, map, picture) over `score_ms`, likewise.
    """

    first_s: float
    built_bytes: int
    score_ms: float
    after_ratio: float
    explain_ratio: float


async def measure(source: ModelSource, image: bytes, rounds: int) -> Costs:
    """Start two workers and measure."""
    plain, explained = Task(image), Task(image, contrast=Contrast(1, 0))

    def worker() -> ScoringPool:
        return ScoringPool(
            WorkerConfig(source), workers=1, decode_timeout_s=PATIENCE_S, start_timeout_s=PATIENCE_S
        )

    async def score_s(pool: ScoringPool, task: Task) -> float:
        return (await pool.score(task, "flow")).score_s

    async with worker() as one, worker() as other:
        for _ in range(10):
            await score_s(one, plain)
        before = resident_bytes(one.pids)
        began = perf_counter()
        await score_s(one, explained)
        first_s, built_bytes = perf_counter() - began, resident_bytes(one.pids) - before
        turns = [
            (await score_s(other, plain), await score_s(one, plain), await score_s(one, explained))
            for _ in range(rounds)
        ]
    return Costs(
        first_s,
        built_bytes,
        1000 * median(never for never, _, _ in turns),
        median(after / never for never, after, _ in turns),
        median(explanation / never for never, _, explanation in turns),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the costs as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanations", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model_artifacts/logo-detection"))
    parser.add_argument("--runtime", choices=["auto", "openvino", "keras"], default="auto")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args(arguments)
    source = load_artifact(options.model).model_source(options.runtime)
    costs = asyncio.run(measure(source, IMAGE.read_bytes(), options.rounds))
    print(json.dumps(asdict(costs), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
