"""A run: the directory in which one training happens, and what lies where in it.

recipe.toml  sources.json  training/  validation/     what it starts from
checkpoint-[01].keras  progress.json  history.csv      how far it is
model.keras  report.json                               what came out
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How many chunks are done, and the checkpoint that holds what they taught."""

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
    def training(self) -> Path:
        return self.path / "training"

    @property
    def validation(self) -> Path:
        return self.path / "validation"

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def report(self) -> Path:
        return self.path / "report.json"

    def progress(self) -> Progress | None:
        """Where a run that was killed stands, or None at its beginning."""
        path = self.path / "progress.json"
        return Progress(**json.loads(path.read_text())) if path.exists() else None

    def checkpoint(self, model: Any, chunks: int) -> None:
        """Keep model and optimizer; `progress.json` changes last, so it always names a whole checkpoint."""
        name = f"checkpoint-{chunks % 2}.keras"
        model.save(self.path / name)
        (self.path / "progress.json").write_text(json.dumps({"chunks": chunks, "checkpoint": name}))

    def note(self, line: Mapping[str, float]) -> None:
        """Append a line to `history.csv`."""
        path = self.path / "history.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            table = csv.DictWriter(file, list(line))
            if is_new:
                table.writeheader()
            table.writerow(line)
