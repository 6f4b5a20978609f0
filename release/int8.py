"""int8: an artifact with a model in eight bits beside its own, if a gate lets it out.

    python -m release.int8 --model ARTIFACT --calibration FOLDER --data FOLDER --output FOLDER

The output is a copy of the artifact, with `model-int8.xml`, `model-int8.bin` and `golden/expected-int8.json`;
its manifest names the instruction set of this machine, for which these scores hold. Exit status 0: it is
written; 2: it is not, because the gate is closed or something else is wrong; 130: it was interrupted.
"""

import argparse
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from datasets.manifest import Example, read_examples
from datasets.parallel import parallel_map
from evaluation.comparison import scored_by_both
from evaluation.evaluate import check_artifact_labels
from evaluation.outcomes import Outcome, align, score_examples
from logo_detection.artifact import (
    INT8_BIN,
    INT8_XML,
    MANIFEST,
    Artifact,
    Int8,
    hash_files,
    load_artifact,
    read_manifest,
    write_manifest,
)
from logo_detection.classifier import Precision
from logo_detection.commands import Parser, run_command
from logo_detection.cores import available_cores
from logo_detection.cpu import INT8, instruction_sets, int8_instruction_set
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec, Pixels
from logo_detection.errors import ArtifactError, CpuUnsuitable, ItemError
from release import golden
from release.gate import Finding, refuse_missed
from release.int8_gate import Bounds, Losses, compare_precisions, findings
from release.quantisation import quantise

CALIBRATION_IMAGES = 300
"""NNCF's own default."""
SEED = 8
MAX_FILE_BYTES = 25_000_000


@dataclass(frozen=True, slots=True)
class Pictures:
    """What int8 is made on, and what it is held against f32 on; no picture is in both."""

    calibration: tuple[Example, ...]
    held_out: tuple[Example, ...]


def choose_pictures(candidates: Sequence[Example], held_out: Sequence[Example]) -> Pictures:
    """Draw the pictures to calibrate on, of those that are not held out, by their source and name there."""
    known = {(example.source, example.original) for example in held_out}
    others = [example for example in candidates if (example.source, example.original) not in known]
    drawn = random.Random(SEED).sample(others, min(CALIBRATION_IMAGES, len(others)))  # noqa: S311
    return Pictures(tuple(drawn), tuple(held_out))


def make_int8(source: Artifact, pictures: Pictures, output: Path, workers: int) -> list[Finding]:
    """Write the artifact with its int8 model; returns what the gate looked at.

    Args:
        source: The artifact; it is not changed.
        pictures: The held-out ones are scored in both precisions.
        output: A folder that is not there yet; it appears whole, or not at all.
        workers: Processes that decode and score.

    Raises:
        CpuUnsuitable: This CPU does not compute in int8, so it cannot tell what int8 scores.
        ArtifactError: The artifact has no ONNX model, a file is too large, or the output is there.
        GateClosed: int8 loses too much.
    """
    found = int8_instruction_set(instruction_sets())
    if found is None:
        raise CpuUnsuitable(f"this CPU has none of {', '.join(INT8)}: make int8 where it is to be served")
    if output.exists():
        raise ArtifactError(f"{output} is there already: name another folder, or remove it")
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output.parent, prefix=".int8-") as folder:
        unfinished = Path(folder, output.name)
        _copy(source, unfinished)
        _save(source, _decode(pictures.calibration, source.spec, workers), unfinished)
        _write_manifest(unfinished, Int8(instruction_sets=(found,)))
        made = load_artifact(unfinished)
        golden.write_expected(made, "int8")
        losses = _compare(made, pictures.held_out, workers)
        looked_at = list(findings(losses, Bounds()))
        refuse_missed(f"{made.name} {made.version} in int8", looked_at)
        _write_manifest(unfinished, Int8(instruction_sets=(found,), against_f32=asdict(losses)))
        unfinished.rename(output)
    return looked_at


def _copy(source: Artifact, directory: Path) -> None:
    for name in (MANIFEST, *read_manifest(source.path).files):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.path / name, path)


def _decode(examples: Sequence[Example], spec: ImageSpec, workers: int) -> list[Pixels]:
    decoded = parallel_map(partial(_pixels, spec=spec), examples, workers)
    return [pixels for pixels in decoded if pixels is not None]


def _pixels(example: Example, spec: ImageSpec) -> Pixels | None:
    try:
        return load_image(example.path.read_bytes(), spec)
    except ItemError:  # one of hundreds that only find a scale
        return None


def _save(source: Artifact, images: Sequence[Pixels], directory: Path) -> None:
    import openvino as ov

    if not images:
        raise ArtifactError("there is no picture to calibrate on that is not held out")
    model = quantise(Path(source.model_source("openvino").path), source.spec, images)
    ov.save_model(model, directory / INT8_XML, compress_to_fp16=False)
    for name in (INT8_XML, INT8_BIN):
        if (directory / name).stat().st_size > MAX_FILE_BYTES:
            raise ArtifactError(f"{name} has more than {MAX_FILE_BYTES:,} bytes")


def _write_manifest(directory: Path, int8: Int8) -> None:
    change = {"int8": int8, "files": hash_files(directory)}
    write_manifest(directory, read_manifest(directory).model_copy(update=change))


def _compare(artifact: Artifact, examples: Sequence[Example], workers: int) -> Losses:
    f32, int8 = (
        align(outcomes, artifact.labels)
        for outcomes in scored_by_both(
            *(_score(artifact, examples, workers, precision) for precision in ("f32", "int8"))
        )
    )
    return compare_precisions(f32, int8, artifact.labels)


def _score(
    artifact: Artifact, examples: Sequence[Example], workers: int, precision: Precision
) -> list[Outcome]:
    with tqdm(total=len(examples), unit="file", desc=f"scoring in {precision}", disable=None) as progress:
        return score_examples(artifact, examples, workers, progress.update, precision)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit status."""
    parser = Parser(prog="python -m release.int8", description="Add a model in int8 to an artifact.")
    add = parser.add_argument
    add("--model", type=Path, required=True, help="artifact directory, which is not changed")
    add(
        "--calibration",
        type=Path,
        required=True,
        help="images to calibrate on: with a manifest, or a folder per class",
    )
    add(
        "--data", type=Path, required=True, help="held-out images, as of logo-holdout; they calibrate nothing"
    )
    add("--output", type=Path, required=True, help="the artifact to write; a folder that is not there yet")
    add("--workers", type=int, default=available_cores(), help="processes that decode and score")
    return run_command("release.int8", partial(_make, parser.parse_args(arguments)))


def _make(options: argparse.Namespace) -> None:
    artifact = load_artifact(options.model)
    held_out = read_examples(options.data)
    check_artifact_labels(held_out, artifact.labels)
    pictures = choose_pictures(read_examples(options.calibration), held_out)
    for finding in make_int8(artifact, pictures, options.output, options.workers):
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{options.output}\n")


if __name__ == "__main__":
    sys.exit(main())
