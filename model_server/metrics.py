"""Metrics: what Prometheus sees of this server, beside KServe's own histograms.

docs/operations.md says what each is for.
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from model_server.schema import ItemResult, Score, Timing, Url

STAGE_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12)
SCORE_BUCKETS = tuple(step / 20 for step in range(1, 21))


class Metrics:
    """The counters and histograms of one server, on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "logo_requests", "Requests answered, by HTTP status.", ["status"], registry=registry
        )
        self._items = Counter(
            "logo_items", "Files answered, by outcome.", ["outcome", "source"], registry=registry
        )
        self._request_s = Histogram(
            "logo_request_seconds", "Wall time of a request.", buckets=STAGE_BUCKETS_S, registry=registry
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
        self._fetched = Counter("logo_fetch_bytes", "Bytes of fetched files.", registry=registry)
        self._registry = registry

    def watch(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Expose numbers that are read when Prometheus asks: name -> description, how to read it."""
        for name, (description, read) in gauges.items():
            Gauge(name, description, registry=self._registry).set_function(read)

    def request_answered(self, status: HTTPStatus | int, seconds: float) -> None:
        """Count one answer, refusals included."""
        self._requests.labels(str(int(status))).inc()
        self._request_s.observe(seconds)

    def file_fetched(self, size_bytes: int) -> None:
        """Count the bytes of one fetched file."""
        self._fetched.inc(size_bytes)

    def items_answered(self, results: Iterable[ItemResult]) -> None:
        """Count each file's outcome, its stages and its score."""
        for result in results:
            source = "url" if isinstance(result.item.source, Url) else "inline"
            self._items.labels(result.code or "scored", source).inc()
            if isinstance(result.outcome, Score):
                self._score.observe(result.outcome.target)
            for stage, seconds in _stages(result.timing):
                if seconds:
                    self._stage_s.labels(stage).observe(seconds)


def _stages(timing: Timing) -> tuple[tuple[str, float], ...]:
    return (
        ("fetch", timing.fetch_s),
        ("queue", timing.queue_s),
        ("decode", timing.decode_s),
        ("score", timing.score_s),
    )
