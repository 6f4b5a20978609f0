"""The composition root: settings in, a running server out.

The workers are started before KServe is imported, so that both warm up at the same time.
"""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from math import ceil

from logo_detection.artifact import Artifact, load_artifact
from logo_detection.errors import LogoDetectionError
from logo_detection.fetch import Fetcher
from logo_detection.header import DecodeLimits
from logo_detection.memory import MemoryBudget
from logo_detection.worker import WorkerConfig
from logo_detection.workers import ScoringPool
from model_server.logs import configure_logging
from model_server.settings import Settings, SettingsError, check_port, read_fetch_policy, read_settings

DRAIN_SLACK_S = 1

log = logging.getLogger("model_server")


def main() -> int:
    """Serve until SIGTERM. 0: drained; 1: the workers failed; 2: a setting or the artifact is unusable."""
    try:
        settings = read_settings()
        configure_logging(settings.log_format)
        check_port(settings.port)
        policy = read_fetch_policy(settings)
        artifact = load_artifact(settings.model_path)
        pool = launch_pool(settings, artifact)
    except (SettingsError, LogoDetectionError) as error:
        print(f"model_server: {error}", file=sys.stderr)
        return 2
    memory = MemoryBudget(settings.fetch_memory_max)
    failure = serve_pool(settings, artifact, pool, Fetcher(policy, memory), memory)
    if failure is not None:
        print(f"model_server: {failure}", file=sys.stderr)
    return 0 if failure is None else 1


def launch_pool(settings: Settings, artifact: Artifact) -> ScoringPool:
    """Start the worker processes; they warm up while this process goes on.

    Raises:
        LogoDetectionError: The artifact does not fit the settings, or no process could be started.
    """
    config = WorkerConfig(
        artifact.model_source(settings.runtime, settings.precision),
        DecodeLimits(max_pixels=settings.image_max_pixels),
        max_image_bytes=max(settings.fetch_max_size, settings.image_max_size),
    )
    pool = ScoringPool(config, workers=settings.workers, decode_timeout_s=settings.decode_timeout_s)
    pool.launch()
    return pool


def serve_pool(
    settings: Settings, artifact: Artifact, pool: ScoringPool, fetcher: Fetcher, memory: MemoryBudget
) -> LogoDetectionError | None:
    """Wire the service to KServe and serve. Returns why the workers failed, if they did."""
    from prometheus_client import REGISTRY

    from model_server.admission import Admission
    from model_server.kserve_model import LogoModel, serve
    from model_server.metrics import Metrics
    from model_server.schema import parse_request
    from model_server.service import LogoService

    admission = Admission(settings.queue_max_images)
    metrics = Metrics(REGISTRY)
    metrics.watch(
        {
            "logo_in_flight_images": ("Images admitted and unfinished.", lambda: admission.in_flight),
            "logo_queued_images": ("Images that wait for a worker.", lambda: pool.waiting),
            "logo_workers_ready": ("Workers that can score.", lambda: pool.workers_ready),
            "logo_workers_busy": ("Workers that have an image.", lambda: pool.busy),
            "logo_worker_restarts": ("Workers lost and replaced.", lambda: pool.restarts),
            "logo_held_bytes": ("Bytes of bodies and fetched files held.", lambda: memory.held_bytes),
        }
    )
    service = LogoService(
        pool=pool,
        fetcher=fetcher,
        admission=admission,
        metrics=metrics,
        labels=artifact.labels,
        image_max_bytes=settings.image_max_size,
    )

    @asynccontextmanager
    async def engine() -> AsyncIterator[None]:
        async with pool, fetcher:
            log.info(
                "ready: /v1/models/%s:predict on port %d, %s %s",
                *(settings.model_name, settings.port, artifact.name, artifact.version),
            )
            yield

    model = LogoModel(
        settings.model_name,
        service=service,
        engine=engine(),
        parse=partial(parse_request, labels=artifact.labels, max_items=settings.images_max_num),
    )
    edge = {
        "memory": memory,
        "metrics": metrics,
        "body_max_bytes": settings.body_max_size,
        "request_timeout_s": settings.request_timeout_s,
    }
    serve(
        model, port=settings.port, grace_period_s=ceil(settings.request_timeout_s) + DRAIN_SLACK_S, edge=edge
    )
    return model.failure


if __name__ == "__main__":
    sys.exit(main())
