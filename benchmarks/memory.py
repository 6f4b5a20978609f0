"""Memory: what a tree of processes holds; a shared page counts in parts for those who share it (PSS)."""

from dataclasses import dataclass
from pathlib import Path

import psutil

MB = 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """One process's memory, in bytes.

    Attributes:
        command: The end of its command line.
        pss: Its own pages, and its share of those that it shares with others (proc(5), smaps_rollup).
        private: Its own pages alone.
        resident: All its pages, shared ones in full.
    """

    command: str
    pss: int
    private: int
    resident: int


def tree_memory(pid: int) -> list[Memory]:
    """A process and all its descendants, the process first."""
    process = psutil.Process(pid)
    return [_memory(each) for each in (process, *process.children(recursive=True))]


def _memory(process: psutil.Process) -> Memory:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
    bytes_of = {name: 1024 * value for name, value in kilobytes.items()}
    return Memory(
        command=" ".join(process.cmdline()[-2:]),
        pss=bytes_of["Pss"],
        private=bytes_of["Private_Clean"] + bytes_of["Private_Dirty"],
        resident=bytes_of["Rss"],
    )
