"""Footprints: what a server and all the processes below it hold of the system, at one moment or at rest.

Memory is counted four ways. `anonymous` is what the processes wrote for themselves: it moves when they
keep something, and only then. RSS adds pages of files (code, the model), which the kernel drops and reads
again as it likes; PSS and shared memory depend on who else runs the same Python.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Self

PROC = Path("/proc")
REST_SAMPLES, REST_PAUSE_S = 5, 0.5
REST_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes and counts, of one process or of several together."""

    anonymous: float = 0
    rss: float = 0
    pss: float = 0
    descriptors: float = 0
    threads: float = 0
    processes: float = 0

    def __add__(self, other: "Footprint") -> "Footprint":
        return Footprint(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(Footprint))
        )

    @classmethod
    def middle(cls, footprints: Sequence[Self]) -> "Footprint":
        """The median of each number for itself."""
        return Footprint(*(median(getattr(one, field.name) for one in footprints) for field in fields(cls)))


def process_ids(root: int) -> list[int]:
    """A process and all below it, zombies included."""
    found = [root]
    with suppress(OSError):  # it, or a thread of it, ended meanwhile
        for children in PROC.glob(f"{root}/task/*/children"):
            for child in children.read_text().split():
                found += process_ids(int(child))
    return found


def worker_ids(root: int) -> list[int]:
    """The scoring processes below a server."""
    return [pid for pid in process_ids(root)[1:] if b"logo_detection.pool.worker" in _command_line(pid)]


def zombies(root: int) -> list[int]:
    """Processes below this one that ended, and that nobody has asked how."""
    return [pid for pid in process_ids(root) if re.search(r"\) Z ", _read(f"{pid}/stat"))]


def footprint(pid: int) -> Footprint:
    """One process's; all zero if it ended meanwhile."""
    memory = dict(re.findall(r"^(\w+): +(\d+) kB$", _read(f"{pid}/smaps_rollup"), re.MULTILINE))
    if not memory:
        return Footprint()
    anonymous, rss, pss = (int(memory[kind]) * 1024 for kind in ("Anonymous", "Rss", "Pss"))
    try:
        descriptors, threads = (len(list((PROC / f"{pid}/{what}").iterdir())) for what in ("fd", "task"))
    except OSError:
        return Footprint()
    return Footprint(anonymous, rss, pss, descriptors, threads, processes=1)


def tree_footprint(root: int) -> Footprint:
    """A process's and those below it."""
    return sum(map(footprint, process_ids(root)), Footprint())


def forget_peak(pid: int) -> None:
    """Begin to look for the process's greatest memory anew; `proc_pid_clear_refs(5)`."""
    (PROC / f"{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """The most memory that the process had resident since then, or since its start."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", _read(f"{pid}/status"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def at_rest(measure: Callable[[], Footprint]) -> Footprint:
    """The median of several samples, once two in a row had the same descriptors, threads and processes."""
    give_up = time.monotonic() + REST_TIMEOUT_S
    before, now = Footprint(), measure()
    while _counts(before) != _counts(now):
        if time.monotonic() > give_up:
            raise TimeoutError(f"descriptors, threads or processes did not settle: {now}")
        time.sleep(REST_PAUSE_S)
        before, now = now, measure()
    samples = []
    for _ in range(REST_SAMPLES):
        samples.append(measure())
        time.sleep(REST_PAUSE_S)
    return Footprint.middle(samples)


def _counts(one: Footprint) -> tuple[float, float, float]:
    return one.descriptors, one.threads, one.processes


def _command_line(pid: int) -> bytes:
    try:
        return (PROC / f"{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _read(path: str) -> str:
    try:
        return (PROC / path).read_text()
    except OSError:
        return ""
