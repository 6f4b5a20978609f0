"""The cores: how many this process may use."""

import os
from pathlib import Path

CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def available_cores(cpu_max: Path = CGROUP_CPU_MAX) -> int:
    """Whole cores this process may use: the smaller of its affinity and its cgroup's quota, at least 1.

    The quota is cgroup v2's `cpu.max`: "<microseconds> <period>", or "max <period>".
    """
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))
