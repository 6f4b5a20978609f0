"""Runs that are done, whose models need no training: they tell red from blue."""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from datasets.manifest import CSV_NAME, Example, read_examples, write_examples
from evaluation.document import make_document
from evaluation.evaluate import DOCUMENT
from evaluation.report import make_report
from logo_detection.artifact import load_artifact
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.models import Dataset, Version
from studio.images.store import FileStore
from studio.images.versions import folder_of, make_version
from studio.people.models import User
from studio.results.models import Evaluation
from studio.runs.models import Run
from tests.models import RED_IS_LOGO, Weights, tiny_onnx, write_artifact
from tests.studio.world import fill, pattern
from training.holdout import ORIGINAL_SHA256
from training.run import Run as RunFolder

RED, BLUE = (220, 30, 30), (30, 30, 220)
BLUE_IS_LOGO: Weights = ((4, 0), (0, 0), (0, 4))
NOTHING_IS_LOGO: Weights = ((4, 0), (0, 0), (4, 0))
NASTY = "<script>document.title='owned'</script>"
SIDE = 64


def make_images(dataset: Dataset, administrator: User) -> Version:
    """Red logos, blue others, and a red one that is labelled as no logo, of a nasty name."""
    files = {f"logo/{number}.png": pattern(number, RED) for number in range(6)}
    files |= {f"out_of_domain/{number}.png": pattern(number, BLUE) for number in range(6)}
    files[f"out_of_domain/{NASTY}.png"] = pattern(99, RED)
    fill(dataset, administrator, files)
    return make_version(administrator, dataset, "", FileStore(STUDIO.data))


def done_run(version: Version, by: User, weights: Weights = RED_IS_LOGO, held_out: int = 100) -> Run:
    """A run with an artifact; so many of the version's last images are held out, each as PNG and JPEG."""
    run = Run.objects.create(version=version, recipe="quick", text="", asked_by=by, state=State.DONE)
    folder = RunFolder(run.folder(STUDIO.data))
    folder.artifact.mkdir(parents=True)
    tiny_onnx(folder.artifact / "model.onnx", weights, SIDE)
    write_artifact(folder.artifact, SIDE)
    examples = read_examples(folder_of(version, FileStore(STUDIO.data)))[-held_out:]
    folder.validation.mkdir()
    recoded = [each for example in examples for each in _recodings(example, folder.validation)]
    write_examples(folder.validation / CSV_NAME, recoded)
    return run


def _recodings(example: Example, folder: Path) -> list[Example]:
    made = []
    with Picture.open(example.path) as picture:
        for recoding in ("png", "jpeg"):
            out = io.BytesIO()
            picture.convert("RGB").resize((SIDE, SIDE)).save(out, recoding.upper())
            path = folder / f"{example.sha256}.{recoding}"
            path.write_bytes(out.getvalue())
            metadata = {"recoding": recoding, "pair": example.sha256, ORIGINAL_SHA256: example.sha256}
            made.append(
                Example(
                    path, example.label, example.category, example.source, example.original, "", "",
                    hashlib.sha256(out.getvalue()).hexdigest(), metadata,
                )
            )  # fmt: skip
    return made


def evaluated(run: Run, scores: Sequence[float], truth: Sequence[int]) -> Evaluation:
    """The evaluation of a run's artifact, with scores of `logo` as they are given."""
    evaluation = Evaluation.objects.create(run=run, asked_by=run.asked_by, state=State.DONE)
    folder = evaluation.folder(STUDIO.data)
    folder.mkdir(parents=True)
    artifact = load_artifact(RunFolder(run.folder(STUDIO.data)).artifact)
    logo = np.array(scores)
    report = make_report(
        {"png": np.stack([1 - logo, logo], axis=1)}, np.array(truth), artifact.labels, ["any"] * len(logo)
    )
    examples = read_examples(RunFolder(run.folder(STUDIO.data)).validation)
    (folder / DOCUMENT).write_text(json.dumps(make_document(artifact, examples, report)))
    return evaluation


def well_evaluated(run: Run) -> Evaluation:
    """All right, of enough images for the gate."""
    return evaluated(run, [0.99] * 60 + [0.01] * 60, [1] * 60 + [0] * 60)
