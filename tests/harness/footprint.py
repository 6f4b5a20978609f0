"""Footprints: what a server and all the processes below it hold of the system, at one moment or at rest.

Memory is counted five ways. `anonymous` is what the processes wrote for themselves: it moves when they
keep something, and only then. RSS adds pages of files (code, the model), which the kernel drops and reads
again as it likes; PSS, private and shared memory depend on who else runs the same Python.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Self

import psutil

REST_SAMPLES, REST_PAUSE_S = 5, 0.5
REST_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes and counts, of one process or of several together.

    Attributes:
        pss: Its own pages, and its share of those that it shares with others (proc(5), smaps_rollup).
        private: Its own pages alone.
    """

    anonymous: float = 0
    rss: float = 0
    pss: float = 0
    private: float = 0
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
    with suppress(psutil.NoSuchProcess):
        return [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
    return [root]


def worker_ids(root: int) -> list[int]:
    """The scoring processes below a server."""
    return [pid for pid in process_ids(root)[1:] if "logo_detection.pool.worker" in command_line(pid)]


def command_line(pid: int) -> list[str]:
    """Of a process; nothing of one that ended."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        line: list[str] = psutil.Process(pid).cmdline()
        return line
    return []


def zombies(root: int) -> list[int]:
    """Processes below this one that ended, and whose status nobody has asked for."""
    found = []
    for pid in process_ids(root):
        with suppress(psutil.NoSuchProcess):
            found += [pid] if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else []
    return found


def footprint(pid: int) -> Footprint:
    """One process's; all zero if it ended meanwhile."""
    process = Path(f"/proc/{pid}")
    try:
        rollup = (process / "smaps_rollup").read_text()
        descriptors, threads = (len(list((process / what).iterdir())) for what in ("fd", "task"))
    except OSError:
        return Footprint()
    kilobytes = re.findall(r"^(\w+): +(\d+) kB$", rollup, re.MULTILINE)
    sizes = {kind: 1024 * int(number) for kind, number in kilobytes}
    if not sizes:
        return Footprint()
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return Footprint(
        sizes["Anonymous"], sizes["Rss"], sizes["Pss"], private, descriptors, threads, processes=1
    )


def tree_footprint(root: int) -> Footprint:
    """A process's and those below it."""
    return sum(map(footprint, process_ids(root)), Footprint())


def forget_peak(pid: int) -> None:
    """Begin to look for the process's greatest memory anew; `proc_pid_clear_refs(5)`."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """The most memory that the process had resident since then, or since its start."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
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
