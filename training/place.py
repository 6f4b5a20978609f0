"""The place: which of the processes that train one model together this one is, as its launcher says.

A launcher starts the same command everywhere (`training.launch` does so on this machine) with these
environment variables, and nothing else differs between the processes:

LOGO_TRAIN_RANK         0 to LOGO_TRAIN_PROCESSES - 1
LOGO_TRAIN_PROCESSES    how many there are
LOGO_TRAIN_COORDINATOR  HOST:PORT at which rank 0 listens and which the others can reach
LOGO_TRAIN_RUN          the run's directory, which all of them can read and write
"""

from collections.abc import Mapping
from dataclasses import dataclass

from training.errors import TrainingError

RANK = "LOGO_TRAIN_RANK"
PROCESSES = "LOGO_TRAIN_PROCESSES"
COORDINATOR = "LOGO_TRAIN_COORDINATOR"
RUN = "LOGO_TRAIN_RUN"
MAX_PROCESSES = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A process among those that train one model; by default the only one.

    Attributes:
        coordinator: Host and port of rank 0; empty and 0 where there is one process.
    """

    rank: int = 0
    processes: int = 1
    coordinator: tuple[str, int] = ("", 0)

    def rows(self, batch: int) -> slice:
        """Which images of a batch are this process's.

        Raises:
            TrainingError: The processes cannot have equally many.
        """
        count, rest = divmod(batch, self.processes)
        if rest:
            raise TrainingError(
                f"a batch of {batch} images cannot be divided among {self.processes} processes"
            )
        return slice(self.rank * count, (self.rank + 1) * count)


ONLY = Place()


def place_of(environment: Mapping[str, str]) -> Place | None:
    """The place that a launcher gives; None where none did.

    Raises:
        TrainingError: A variable is missing or invalid; names it.
    """
    if RANK not in environment:
        return None
    processes = _integer(environment, PROCESSES, 1, MAX_PROCESSES)
    rank = _integer(environment, RANK, 0, processes - 1)
    if processes == 1:
        return ONLY
    host, _, port = environment.get(COORDINATOR, "").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise TrainingError(f"{COORDINATOR}: {environment.get(COORDINATOR, '')!r} is not HOST:PORT")
    return Place(rank, processes, (host, int(port)))


def _integer(environment: Mapping[str, str], name: str, least: int, most: int) -> int:
    text = environment.get(name, "")
    if not text.isdecimal() or not least <= int(text) <= most:
        raise TrainingError(f"{name}: {text!r} is not a number from {least} to {most}")
    return int(text)
