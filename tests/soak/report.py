"""Reports of soak tests: a file each under runs/soak, and a table on the terminal."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.harness.process import ROOT

DIRECTORY = ROOT / "runs" / "soak"


def write(name: str, figures: Mapping[str, Any], table: Sequence[Mapping[str, Any]]) -> None:
    """Keep the figures and the table of one soak test; show the table.

    Its columns are the keys of the first row.
    """
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / f"{name}.json"
    finished = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path.write_text(json.dumps({"finished": finished, "table": table, **figures}, indent=1) + "\n")
    cells = [list(table[0]), *([str(row[column]) for column in table[0]] for row in table)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.rjust, row, widths)) for row in cells)
    print("\n".join(["", str(path.relative_to(ROOT)), *lines]), flush=True)  # noqa: T201
