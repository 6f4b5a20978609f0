"""A command in the place of logo-train, which takes a moment: `python -m tests.search.trainer OPTIONS`.

By its recipe it writes the history of a training whose validation is best at a dropout of 0.3.
A recipe with a warm-up of 13 fails, and one with 14 takes an hour.
"""

import argparse
import sys
import time
import tomllib
from pathlib import Path

COMMAND = (sys.executable, "-m", "tests.search.trainer")
STEPS = 4
STEP_S = 0.1
FAILING, ENDLESS = 13, 14


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("--recipe", "--run", "--data", "--images"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--prepare", action="store_true")
    options = parser.parse_args()
    recipe = tomllib.loads(options.recipe.read_text())
    if options.prepare:
        (options.run / "images.txt").write_text(str(recipe["fold"]))
        return 0
    assert (options.images / "images.txt").read_text() == str(recipe["fold"])
    if recipe["warm_up"] == FAILING:
        return 7
    if recipe["warm_up"] == ENDLESS:
        time.sleep(3600)
    train(options.run / "history.csv", recipe)
    return 0


def train(history: Path, recipe: dict[str, float]) -> None:
    """Add the lines that are not there yet; as logo-train does, so that the file is always whole."""
    text = history.read_text() if history.exists() else "step,auc_pr\n"
    unfinished = history.with_suffix(".part")
    for step in range(len(text.splitlines()) - 1, STEPS):
        time.sleep(STEP_S)
        noise = 0.001 * (recipe["fit_seed"] % 7)
        text += f"{step},{1 - (recipe['dropout'] - 0.3) ** 2 - 0.1 / (step + 1) + noise}\n"
        unfinished.write_text(text)
        unfinished.replace(history)


if __name__ == "__main__":
    sys.exit(main())
