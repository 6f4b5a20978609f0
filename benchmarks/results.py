"""The results: what was measured, one small JSON file per experiment in `benchmarks/results`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from logo_detection.cores import available_cores
from logo_detection.cpu import CPU_INFO, instruction_sets

RESULTS = Path(__file__).with_name("results")
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""What decides how fast a CPU runs a network, by its names in /proc/cpuinfo."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured: the CPU's model, the cores that could be used, and those of FEATURES it has."""

    cpu: str
    cores: int
    features: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures. The first cell of a row is its name; a column's title has the unit of its figures."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]

    def number(self, row: str, column: str) -> float:
        """The figure in a row and a column.

        Raises:
            ValueError: There is no such row or column, or what stands there is not a number.
        """
        (cells,) = [cells for cells in self.rows if cells[0] == row]
        cell = cells[self.columns.index(column)]
        if not isinstance(cell, int | float):
            raise ValueError(f"{self.title}, {row}, {column}: {cell!r} is not a number")
        return cell


@dataclass(frozen=True, slots=True)
class Result:
    """What one experiment measured.

    Attributes:
        command: The command that measured it.
        date: The day on which it ended, UTC, as YYYY-MM-DD.
        notes: Sentences that a reader of the figures needs.
    """

    command: str
    date: str
    machine: Machine
    notes: list[str]
    tables: list[Table]

    def table(self, title: str) -> Table:
        """The table of that title. Raises ValueError where there is none."""
        (found,) = [table for table in self.tables if table.title == title]
        return found


def read_results(folder: Path = RESULTS) -> dict[str, Result]:
    """All results by the names of their files. Raises pydantic.ValidationError where one is malformed."""
    read = TypeAdapter(Result).validate_json
    return {path.stem: read(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def write_result(name: str, result: Result, folder: Path = RESULTS) -> Path:
    """Replace the experiment's result."""
    path = folder / f"{name}.json"
    path.write_bytes(TypeAdapter(Result).dump_json(result, indent=1) + b"\n")
    return path


def day(timestamp: float) -> str:
    """The day of a Unix timestamp, UTC."""
    return datetime.fromtimestamp(timestamp, UTC).date().isoformat()


def this_machine(cpu_info: Path = CPU_INFO) -> Machine:
    """The machine that this runs on."""
    lines = [line.partition(":") for line in cpu_info.read_text().splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    flags = instruction_sets(cpu_info)
    return Machine(
        cpu=fields.get("model name", "unknown"),
        cores=available_cores(),
        features=[feature for feature in FEATURES if feature in flags],
    )
