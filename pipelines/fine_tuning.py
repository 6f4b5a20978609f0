"""Fine-tuning: the whole network of an artifact, trained on for a little on somebody's own classes."""

import hashlib
import re
from pathlib import Path

from datasets.manifest import read_examples
from evaluation.document import describe_data
from logo_detection.artifact import Artifact
from logo_detection.cores import available_cores
from pipelines.commands import run_command
from pipelines.errors import PipelineError
from training.recipe import shipped_recipes

RECIPE = "fine-tune"
TIMEOUT_S = 6 * 3600.0


def check_source(source: Artifact) -> Path:
    """The weights to begin with. Raises PipelineError where an artifact has none."""
    if "keras" not in source.model_files:
        raise PipelineError(f"--fine-tune: {source.path} has no model.keras to begin with")
    return source.model_files["keras"]


def fine_tune(source: Artifact, images: Path, runs: Path, seed: int, hold_out: float) -> Path:
    """Train by the recipe RECIPE; the artifact. Started again with the same images, it goes on.

    Args:
        source: Has the weights to begin with.
        images: The set, with its groups.
        runs: Where trainings are kept: one for each set and split.
        seed: Of the split, as of the set's head.
        hold_out: The share that is held out, likewise.

    Raises:
        PipelineError: It failed.
    """
    weights = check_source(source)
    text = shipped_recipes()[RECIPE].read_text()
    text = re.sub(r"^seed = .*$", f"seed = {seed}", text, flags=re.MULTILINE)
    text = re.sub(r"^share = .*$", f"share = {hold_out}", text, flags=re.MULTILINE)
    digest = hashlib.sha256(f"{describe_data(read_examples(images))['sha256']}\n{text}".encode()).hexdigest()
    run = runs / digest[:12]
    run.mkdir(parents=True, exist_ok=True)
    recipe = run / f"{RECIPE}.toml"
    recipe.write_text(text)
    options = ("--data", images, "--recipe", recipe, "--run", run, "--weights", weights)
    run_command("training.train", *options, "--workers", available_cores(), timeout_s=TIMEOUT_S)
    return run / "artifact"
