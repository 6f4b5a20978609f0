"""A run: the directory in which one training happens, and what lies where in it.

recipe.toml  sources.json  data.json  left_out.csv  training/  validation/    inputs
checkpoint-[01].keras  progress.json  history.csv  logs/           progress
processes/RANK.log                                                 what the processes beside the first say
teachers/NETWORK/                                                  runs of their own, without images
model.keras  artifact/  evaluation.json                            results
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.replacement import replacing
from training.materialise import LeftOutImage


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How many chunks are trained, and the name of the checkpoint after the last of them."""

    chunks: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run's directory; it need not exist yet."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def sources(self) -> Path:
        return self.path / "sources.json"

    @property
    def data(self) -> Path:
        """The digest of the set of images."""
        return self.path / "data.json"

    @property
    def left_out(self) -> Path:
        return self.path / "left_out.csv"

    @property
    def training(self) -> Path:
        return self.path / "training"

    @property
    def validation(self) -> Path:
        return self.path / "validation"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, rank: int) -> Path:
        """What a process of that rank says, where it was started on the same machine as rank 0."""
        return self.path / "processes" / f"{rank}.log"

    @property
    def model(self) -> Path:
        """As it was trained: its temperature is not yet folded in."""
        return self.path / "model.keras"

    @property
    def artifact(self) -> Path:
        return self.path / "artifact"

    def teacher(self, network: str) -> "Run":
        """Where a teacher of this run is trained: its checkpoint, artifact and evaluation."""
        return Run(self.path / "teachers" / network)

    @property
    def evaluation(self) -> Path:
        return self.path / "evaluation.json"

    def progress(self) -> RunProgress | None:
        """How far the run is; None before its first checkpoint."""
        path = self.path / "progress.json"
        return RunProgress(**json.loads(path.read_text())) if path.exists() else None

    def checkpoint(self, model: Any, chunks: int) -> None:
        """Keep model and optimizer; `progress.json` changes last, so it always names a whole checkpoint."""
        name = f"checkpoint-{chunks % 2}.keras"
        model.save(self.path / name)
        with replacing(self.path / "progress.json") as unfinished:
            unfinished.write_text(json.dumps({"chunks": chunks, "checkpoint": name}))

    def append_history(self, line: Mapping[str, float]) -> None:
        """Append a line to `history.csv`, in place of one of the same step or a later.

        Such there are where a training was killed before the checkpoint that follows. The file is always
        whole.
        """
        before = [row for row in self.read_history() if int(row["step"]) < line["step"]]
        with replacing(self.path / "history.csv") as unfinished, unfinished.open("w", newline="") as file:
            table = csv.DictWriter(file, list(line), restval="", extrasaction="ignore")
            table.writeheader()
            table.writerows([*before, line])

    def read_history(self) -> list[dict[str, str]]:
        """The lines of `history.csv`: one for each part of the training, when it was validated."""
        path = self.path / "history.csv"
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def write_left_out(self, part: str, left_out: Iterable[LeftOutImage]) -> None:
        """Write the images left out of a part (`training`, `validation`), in place of its former rows."""
        rows = [row for row in self.read_left_out() if row["part"] != part]
        rows += [{"part": part, "picture": item.picture, "reason": item.reason} for item in left_out]
        with self.left_out.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ("part", "picture", "reason"))
            table.writeheader()
            table.writerows(rows)

    def read_left_out(self) -> list[dict[str, str]]:
        """The rows of `left_out.csv`: part, picture, reason."""
        if not self.left_out.exists():
            return []
        with self.left_out.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
