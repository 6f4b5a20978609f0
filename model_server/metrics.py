"""Metrics: what Prometheus sees of this server, beside KServe's own histograms.

Whatever can be counted has its series from the start, at 0: Prometheus cannot see the first step of a
series that begins with it. docs/operations.md says what each metric is for.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import product
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from logo_detection.artifact import AlarmThreshold
from logo_detection.errors import item_codes
from model_server.errors import STATUS
from model_server.schema import ItemResult, Score, Timing, Url

SCORED = "scored"
CLIENT_CLOSED = 499
"""nginx's number for a caller who went away before the answer; for the log and the metrics only."""
STATUSES = sorted({*map(int, STATUS.values()), 200, 422, 504, CLIENT_CLOSED})

REQUEST_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 12.5, 15)
"""REQUEST_TIMEOUT_S, by default 12, ends what is slow before 12.5; UploadWizard gives up at 15."""
STAGE_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12)
SCORE_BUCKETS = (0.01, 0.02, *(step / 20 for step in range(1, 20)), 0.98, 0.99, 1)
"""Finer at both ends, where a sound model's scores are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """Where the numbers of this moment are read; what cannot change is a number itself.

    Attributes:
        ready: Whether requests are taken.
        in_flight_images: Admitted and unfinished.
        in_flight_images_max: Beyond these, 503.
        queued_images: Those of them that wait for a worker.
        held_bytes: Of request bodies and fetched files.
        held_bytes_max: Beyond these, they wait.
        workers: That there should be.
        workers_ready: That can score.
        workers_busy: That have an image.
        worker_restarts: Workers lost and replaced so far; never falls.
        worker_pids: Their processes.
    """

    ready: Callable[[], bool]
    in_flight_images: Callable[[], int]
    in_flight_images_max: int
    queued_images: Callable[[], int]
    held_bytes: Callable[[], int]
    held_bytes_max: int
    workers: int
    workers_ready: Callable[[], int]
    workers_busy: Callable[[], int]
    worker_restarts: Callable[[], int]
    worker_pids: Callable[[], Collection[int]]


class Metrics:
    """The counters and histograms of one server, on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._requests = Counter(
            "logo_requests", "Requests answered, by HTTP status.", ["status"], registry=registry
        )
        self._refusals = Counter(
            "logo_refusals", "Requests refused whole, by reason.", ["reason"], registry=registry
        )
        self._items = Counter(
            "logo_items", "Files answered, by outcome.", ["outcome", "source"], registry=registry
        )
        self._request_s = Histogram(
            "logo_request_seconds",
            "Wall time of a request, by HTTP status.",
            ["status"],
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._stage_s = Histogram(
            "logo_stage_seconds",
            "Time of one file in one stage.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self._score = Histogram(
            "logo_score",
            "Predictions; a shift of this shape is drift.",
            buckets=SCORE_BUCKETS,
            registry=registry,
        )
        self._over_reference = Counter(
            "logo_scores_over_reference",
            "Predictions that reached the manifest's threshold for a quantile of other images.",
            ["target", "quantile"],
            registry=registry,
        )
        self._reference: dict[str, list[tuple[float, Counter]]] = {}
        self._fetched = Counter("logo_fetch_bytes", "Bytes of fetched files.", registry=registry)
        self._stages = {stage: self._stage_s.labels(stage) for stage, _ in _stages(Timing())}
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        for status in STATUSES:
            self._requests.labels(str(status))
            self._request_s.labels(str(status))
        for error in STATUS:
            self._refusals.labels(error.reason())
        for outcome, source in product((SCORED, *item_codes()), ("url", "inline")):
            self._items.labels(outcome, source)

    def watch(self, state: ServerState) -> None:
        """Expose what the server is doing; it is read whenever Prometheus asks."""
        self._registry.register(_StateCollector(state))

    def describe_model(self, **labels: str) -> None:
        """Say which model is served, as labels of `logo_model_info`."""
        Info("logo_model", "The model that is served.", registry=self._registry).info(labels)

    def compare_scores(self, thresholds: Iterable[AlarmThreshold]) -> None:
        """Count the scores that reach the manifest's thresholds, each a quantile of images of no target."""
        gauge = Gauge(
            "logo_score_reference",
            "The manifest's quantiles of predictions for images that are not of the target.",
            ["target", "quantile"],
            registry=self._registry,
        )
        for one in thresholds:
            labels = one.target, f"{1 - one.false_alarm_rate:g}"
            gauge.labels(*labels).set(one.threshold)
            counter = self._over_reference.labels(*labels)
            self._reference.setdefault(one.target, []).append((one.threshold, counter))

    def request_answered(self, status: HTTPStatus | int, seconds: float, refused: str = "") -> None:
        """Count one answer; `refused` is the reason of a `RequestError`."""
        self._requests.labels(str(int(status))).inc()
        self._request_s.labels(str(int(status))).observe(seconds)
        if refused:
            self._refusals.labels(refused).inc()

    def file_fetched(self, size_bytes: int) -> None:
        """Count the bytes of one fetched file."""
        self._fetched.inc(size_bytes)

    def items_answered(self, results: Iterable[ItemResult]) -> None:
        """Count each file's outcome, its stages and its score."""
        for result in results:
            source = "url" if isinstance(result.item.source, Url) else "inline"
            self._items.labels(result.code or SCORED, source).inc()
            if isinstance(result.outcome, Score):
                self._score.observe(result.outcome.target)
                for threshold, counter in self._reference.get(result.item.target, ()):
                    if result.outcome.target >= threshold:
                        counter.inc()
            for stage, seconds in _stages(result.timing):
                if seconds:
                    self._stages[stage].observe(seconds)


class _StateCollector(Collector):
    def __init__(self, state: ServerState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        state, gauge = self._state, GaugeMetricFamily
        yield gauge("logo_ready", "1 while requests are taken.", state.ready())
        yield gauge("logo_in_flight_images", "Images admitted and unfinished.", state.in_flight_images())
        yield gauge("logo_in_flight_images_max", "Images beyond which 503.", state.in_flight_images_max)
        yield gauge("logo_queued_images", "Images that wait for a worker.", state.queued_images())
        yield gauge("logo_held_bytes", "Bytes of bodies and fetched files held.", state.held_bytes())
        yield gauge("logo_held_bytes_max", "Bytes beyond which they wait.", state.held_bytes_max)
        yield gauge("logo_workers", "Workers that there should be.", state.workers)
        yield gauge("logo_workers_ready", "Workers that can score.", state.workers_ready())
        yield gauge("logo_workers_busy", "Workers that have an image.", state.workers_busy())
        yield CounterMetricFamily(
            "logo_worker_restarts_total", "Workers lost and replaced.", state.worker_restarts()
        )
        yield gauge("logo_workers_resident_bytes", "Workers' memory.", resident_bytes(state.worker_pids()))


def resident_bytes(pids: Collection[int]) -> int:
    """Memory of other processes, as Linux tells it; one that has ended has none.

    What processes share, such as libraries, counts once for each.
    """
    return sum(map(_resident_pages, pids)) * os.sysconf("SC_PAGE_SIZE")


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _stages(timing: Timing) -> tuple[tuple[str, float], ...]:
    return (
        ("fetch", timing.fetch_s),
        ("queue", timing.queue_s),
        ("decode", timing.decode_s),
        ("score", timing.score_s),
    )
