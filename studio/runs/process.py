"""The process of a run: `logo-train`, with what it is told."""

from pathlib import Path

from studio.background.process import Command

LOG = "log.txt"
ARTIFACT = "artifact"
RECIPE = "asked.toml"


def training_command(data: Path, folder: Path, workers: int) -> Command:
    """Train on a set of images.

    Args:
        data: The set.
        folder: Of the run; it has the recipe.
        workers: Processes that make images.
    """
    arguments = [
        "--data", str(data), "--recipe", str(folder / RECIPE), "--run", str(folder),
        "--workers", str(workers),
    ]  # fmt: skip
    return Command("training.train", arguments, folder / LOG)
