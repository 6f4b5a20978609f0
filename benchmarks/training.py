"""What a step of training costs: in one process and in two, beside Keras's `fit()` and beside JAX.

    python -m benchmarks.training

Each measurement is a process of its own, or two; rounds alternate between them. EfficientNetV2-B0 with the
options of the shipped recipe in float32, one batch again and again, so that nothing but the step is measured.
JAX is measured where it is installed (`pip install 'jax==0.10.*'`), and by the name `jax` alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.projection import Step
from tests.harness.process import free_port
from training.place import COORDINATOR, ONLY, PROCESSES, RANK, place_of

KINDS = {"fit": 1, "loop": 1, "loop-2": 2}  # processes
JAX_KINDS = {"jax": 1, "jax-2": 2}
RECIPE = Path("training/recipes/efficientnetv2-b0.toml")
LABELS = ("out_of_domain", "logo")  # of the images, which are none here
SKIPPED_STEPS = 2  # after the first, which compiles
TIMEOUT_S = 1800


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training")
    add = parser.add_argument
    add("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS | JAX_KINDS)}")
    add("--rounds", type=int, default=3)
    add("--steps", type=int, default=15)
    add("--size", type=int, default=128, help="pixels")
    add("--batch", type=int, default=32, help="images of all processes")
    add("--measure", help="this process measures one of the kinds")
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(options)))
        return 0
    kinds = options.kinds.split(",")
    rounds = [{kind: measured(kind, options) for kind in kinds} for _ in range(options.rounds)]
    print(
        "| | images/s | CPU s a step | s to the first step's end | sums a step | MB summed a step"
        f" | images/s by those of {kinds[0]} |"
    )
    print("|---|---:|---:|---:|---:|---:|---|")
    for kind in kinds:
        of_kind = [one[kind] for one in rounds]
        middle = {name: statistics.median(result[name] for result in of_kind) for name in of_kind[0]}
        ratios = [f"{one[kind]['images_per_s'] / one[kinds[0]]['images_per_s']:.2f}" for one in rounds]
        print(
            f"| {kind} | {middle['images_per_s']:.1f} | {middle['cpu_s']:.2f} | {middle['first_s']:.0f} |"
            f" {middle['sums']:.0f} | {middle['summed_bytes'] / 1e6:.1f} | {', '.join(ratios)} |"
        )
    return 0


def measured(kind: str, options: argparse.Namespace) -> dict[str, float]:
    """What the processes of a kind measured; their CPU time is added up."""
    processes = (KINDS | JAX_KINDS)[kind]
    sizes = ("--steps", options.steps, "--size", options.size, "--batch", options.batch)
    command = [sys.executable, "-m", "benchmarks.training", "--measure", kind, *map(str, sizes)]
    threads = max(1, len(os.sched_getaffinity(0)) // processes)
    common = {
        PROCESSES: processes,
        COORDINATOR: f"127.0.0.1:{free_port()}",
        "TF_NUM_INTRAOP_THREADS": threads,
    }
    common |= {"KERAS_BACKEND": "jax"} if kind in JAX_KINDS else {}
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, **{name: str(value) for name, value in (common | {RANK: rank}).items()}},
            stdout=subprocess.PIPE,
        )
        for rank in range(processes)
    ]
    results = [json.loads(process.communicate(timeout=TIMEOUT_S)[0]) for process in started]
    cpu_s = sum(result["cpu_s"] for result in results)
    print(f"{kind}: {results[0]['images_per_s']:.1f} images/s, CPU {cpu_s:.2f} s a step", file=sys.stderr)
    return {**results[0], "cpu_s": cpu_s}


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Train for some steps. Returns medians of the steps after the first ones."""
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 255, (options.batch, options.size, options.size, 3)).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[np.arange(options.batch) % 2]
    rows = (place_of(os.environ) or ONLY).rows(options.batch)
    times: list[tuple[float, float]] = []

    def note() -> None:
        times.append((time.monotonic(), time.process_time()))

    train = {"fit": by_fit, "jax": by_fit, "jax-2": by_fit}.get(options.measure, by_loop)
    started = time.monotonic()
    exchange = train(pixels[rows], targets[rows], options.steps, note)
    walls, cpus = np.diff(np.array(times), axis=0)[SKIPPED_STEPS:].T
    return {
        "images_per_s": options.batch / float(np.median(walls)),
        "cpu_s": float(np.median(cpus)),
        "first_s": times[0][0] - started,
        "sums": exchange.sums,
        "summed_bytes": exchange.gradient_bytes,
    }


def by_loop(pixels: Any, targets: Any, steps: int, note: Callable[[], None]) -> Step:
    """The project's own step. Returns what it exchanges."""
    import keras
    import tensorflow as tf

    from training.fitting import compile_for, training_step
    from training.group import joined
    from training.model import build
    from training.recipe import read_recipe
    from training.replicas import join_model, replicas_of

    recipe = replace(read_recipe(RECIPE, LABELS), mixed_precision=False)
    with joined(place_of(os.environ) or ONLY, lambda _: os._exit(1)) as group:
        replicas = replicas_of(group)
        keras.utils.set_random_seed(recipe.seed)
        model, _ = build(recipe, None)
        join_model(model, replicas)
        compile_for(recipe, model, 1e-4)
        step: Any = training_step(recipe, model, replicas)
        for _ in range(steps):
            step(pixels, targets).numpy()
            note()
        return exchange_of(step.get_concrete_function(tf.constant(pixels), tf.constant(targets)).graph)


def exchange_of(graph: Any) -> Step:
    """The sums over processes in a step's graph, and in the functions that it calls; not those of fit()."""
    sizes = [
        operation.inputs[0].shape.num_elements() * operation.inputs[0].dtype.size
        for each in graphs_in(graph)
        for operation in each.get_operations()
        if operation.type.startswith("CollectiveReduce")
    ]
    return Step(len(sizes), sum(sizes))


def graphs_in(graph: Any) -> Iterator[Any]:
    """A graph, and those of the functions that its operations call."""
    yield graph
    for operation in graph.get_operations():
        for attribute in operation.op_def.attr if operation.op_def else ():
            if attribute.type == "func":
                called = graph._get_function(operation.get_attr(attribute.name).name)
                if called is not None:
                    yield from graphs_in(called.graph)


def by_fit(pixels: Any, targets: Any, steps: int, note: Callable[[], None]) -> Step:
    """Keras's `fit()`, on its backend; with JAX, in as many processes as there are. Its sums are not seen."""
    import keras

    place = place_of(os.environ) or ONLY
    if keras.backend.backend() == "jax" and place.processes > 1:
        import jax

        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize("{}:{}".format(*place.coordinator), place.processes, place.rank)
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    from training.fitting import compile_for
    from training.model import build
    from training.recipe import read_recipe

    recipe = replace(read_recipe(RECIPE, LABELS), mixed_precision=False)
    keras.utils.set_random_seed(recipe.seed)
    model, _ = build(recipe, pixels.shape[1] if keras.backend.backend() == "jax" else None)
    compile_for(recipe, model, 1e-4)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(model.optimizer, loss, metrics=["accuracy"], jit_compile=keras.backend.backend() == "jax")

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return pixels, targets

    on_end = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: note())
    model.fit(Batches(), shuffle=False, verbose=0, callbacks=[on_end])
    return Step(0, 0)


if __name__ == "__main__":
    sys.exit(main())
