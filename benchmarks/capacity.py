"""Capacity: what a pod, Commons' uploads and a backlog come to, computed from a result of the service."""

from math import ceil

from benchmarks.experiments import IMAGES_PER_S, P50_MS, THROUGHPUT
from benchmarks.results import Cell, Result, Table
from benchmarks.rounds import EIGHT, LARGE

UPLOADS_A_DAY = 100_000
PEAK = 10  # times the mean
BACKLOG = 100_000_000  # files
DAY_S = 24 * 3600.0
WEEK_S = 7 * DAY_S


def capacity(service: Result) -> Table:
    """The table, for thumbnails and for large originals.

    One caller who sends large files one after the other keeps about one core busy, so a core does one in
    the median time of such a request.
    """
    throughput, cores = service.table(THROUGHPUT), service.machine.cores
    a_core_s = (
        throughput.number(EIGHT.name, IMAGES_PER_S) / cores,
        1000 / throughput.number(LARGE.name, P50_MS),
    )
    share = f"share of a pod of {cores} cores that a peak of uploads takes"
    pods = f"pods of {cores} cores that do these in a week"
    rows: list[list[Cell]] = [
        ["files a second and core", *(round(rate, 1) for rate in a_core_s)],
        [share, *(f"{UPLOADS_A_DAY * PEAK / DAY_S / (rate * cores):.0%}" for rate in a_core_s)],
        ["core-hours for 100 million files", *(10 * round(BACKLOG / rate / 36000) for rate in a_core_s)],
        [pods, *(ceil(BACKLOG / (rate * cores * WEEK_S)) for rate in a_core_s)],
    ]
    return Table("Capacity", ["", "thumbnails, one a request", "12 MP JPEGs, inline"], rows)
