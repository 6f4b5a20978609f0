"""Own classes: `make mine` beside a training from scratch by `quick.toml`, on a stand-in for photos.

    python -m benchmarks.own_classes --to runs/own-classes

Three classes of 60 pictures are drawn by a program (`synthetic.drawings`): a stand-in for photos. Both
routes hold the same pictures out. It prints the balanced accuracy of both, and their seconds.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from synthetic.catalogue import Drawing

ROOT = Path(__file__).parents[1]
KINDS = ("landscape", "city", "room")
EACH = 60
TIMEOUT_S = 1800.0
QUICK = ROOT / "training/recipes/quick.toml"


def draw_set(folder: Path, each: int = EACH, kinds: Sequence[str] = KINDS) -> Path:
    """Draw so many pictures of each kind, in a folder per kind; the folder."""
    for kind in kinds:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            picture = Drawing("drawing", kind, number).draw().convert("RGB")
            picture.save(folder / kind / f"{number:03}.jpg", quality=85)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.own_classes")
    parser.add_argument("--to", type=Path, default=Path("runs/own-classes"), help="default %(default)s")
    options = parser.parse_args(arguments)
    data, mine, quick = (options.to / name for name in ("pictures", "mine", "quick"))
    draw_set(data)
    said, mine_s = _run("pipelines.mine", data, "--output", mine)
    found = re.search(r"not trained on: ([0-9.]+)", said)
    assert found, said
    print(f"make mine: balanced accuracy {float(found[1]):.3f}, {mine_s:.0f} s")
    _, quick_s = _run("training.train", "--data", mine / "images", "--recipe", QUICK, "--run", quick)
    metrics = json.loads((quick / "evaluation.json").read_text())["evaluation"]["by_recoding"]
    accuracies = ", ".join(f"{one['balanced_accuracy']:.3f} ({name})" for name, one in metrics.items())
    print(f"quick.toml: balanced accuracy {accuracies}, {quick_s:.0f} s")
    return 0


def _run(module: str, *arguments: object) -> tuple[str, float]:
    """Run a command of the project. Returns what it printed, and its seconds."""
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    return done.stdout, perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
