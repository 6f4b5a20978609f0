"""The composition root: settings in, a running server out.

The workers are started before KServe is imported, so that both warm up at the same time.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from logo_detection.artifact import Artifact, load_artifact
from logo_detection.classifier import ModelSource, check_cpu
from logo_detection.cpu import BF16, instruction_sets
from logo_detection.decode.header import DecodeLimits
from logo_detection.errors import LogoDetectionError
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.pool.precision import CANDIDATES, faster, measure_apart
from model_server.logs import configure_logging
from model_server.malloc import return_freed_memory
from model_server.settings import (
    Settings,
    SettingsError,
    check_ports,
    ineffective_timeouts,
    misspelt_settings,
    open_enough_files,
    read_fetch_policy,
    read_settings,
    unused_settings,
)

if TYPE_CHECKING:
    from model_server.admission import Admission
    from model_server.kserve.data_plane import RawDataPlane
    from model_server.kserve.grpc.server import GrpcServer
    from model_server.metrics import Metrics

GRPC_ENVIRONMENT = {
    "GRPC_VERBOSITY": "NONE",  # its lines have no form of ours, and callers cause them
    "GRPC_ENABLE_FORK_SUPPORT": "0",  # workers that are started later would get its threads, and no files
}
DRAIN_SLACK_S = 1
START_TIMEOUT_S = {"openvino": 60.0, "keras": 180.0}
"""For a worker. TensorFlow takes 20 s of one core, and cores may be shared."""

log = logging.getLogger("model_server")


def main() -> int:
    """Serve until SIGTERM. 0: drained; 1: the workers failed; 2: a setting or the artifact is unusable."""
    return_freed_memory()
    os.environ |= GRPC_ENVIRONMENT
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until uvicorn has handlers of its own
    try:
        settings = read_settings()
        configure_logging(settings.log_format)
        check_ports(settings)
        open_enough_files(settings)
        for name in unused_settings(settings):
            log.info("%s is set, and has no effect: images are scored one by one, as they come", name)
        for line in [*misspelt_settings(os.environ), *ineffective_timeouts(settings)]:
            log.warning(line)
        policy = read_fetch_policy(settings)
        artifact = load_artifact(settings.model_path, settings.image_height, settings.image_width)
        source = choose_source(settings, artifact)
        pool = start_pool(settings, source)
    except (SettingsError, LogoDetectionError) as error:
        print(f"model_server: {error}", file=sys.stderr)
        return 2
    byte_budget = ByteBudget(settings.fetch_memory_max)
    try:
        serve_pool(settings, artifact, source, pool, Fetcher(policy, byte_budget), byte_budget)
    except LogoDetectionError as error:
        print(f"model_server: {error}", file=sys.stderr)
        return 1
    return 0


def _leave(*_: object) -> None:
    """End with status 0: nothing was admitted yet. As process 1 of a container it would not end by itself.

    At once: an exception out of the midst of an import may come out of it as another. The workers end by
    themselves when nobody holds the other end of their sockets.
    """
    os._exit(0)


def choose_source(settings: Settings, artifact: Artifact) -> ModelSource:
    """What the workers load, in the precision that is set; of `auto`, in the faster one.

    Raises:
        LogoDetectionError: The artifact does not fit the settings, or this CPU not the artifact.
    """
    if settings.precision == "auto":
        return _faster_source(artifact.model_source(settings.runtime))
    source = artifact.model_source(settings.runtime, settings.precision)
    check_cpu(source)
    if source.precision == "bf16" and BF16.isdisjoint(instruction_sets()):
        log.warning(
            "PRECISION=bf16: this CPU has neither amx_bf16 nor avx512_bf16, and is slower so than in f32"
        )
    return source


def _faster_source(source: ModelSource) -> ModelSource:
    if source.runtime == "keras":
        log.info("PRECISION=auto: f32, the only one of the keras runtime")
        return source
    measured_ms = measure_apart(source)
    chosen = faster(measured_ms)
    log.info(
        "PRECISION=auto: %s; f32 takes %.1f ms an image, bf16 %.1f ms",
        chosen,
        *map(measured_ms.get, CANDIDATES),
    )
    return replace(source, precision=chosen)


def start_pool(settings: Settings, source: ModelSource) -> ScoringPool:
    """Start the worker processes; they warm up while this process goes on.

    Raises:
        LogoDetectionError: No process could be started.
    """
    config = WorkerConfig(
        source,
        DecodeLimits(max_pixels=settings.image_max_pixels),
        max_image_bytes=max(settings.fetch_max_size, settings.image_max_size),
    )
    pool = ScoringPool(
        config,
        workers=settings.workers,
        decode_timeout_s=settings.decode_timeout_s,
        start_timeout_s=START_TIMEOUT_S[source.runtime],
    )
    pool.start()
    return pool


def serve_pool(
    settings: Settings,
    artifact: Artifact,
    source: ModelSource,
    pool: ScoringPool,
    fetcher: Fetcher,
    byte_budget: ByteBudget,
) -> None:
    """Wire the service to KServe and serve.

    Raises:
        LogoDetectionError: The workers did not come up.
    """
    from prometheus_client import REGISTRY

    from model_server.admission import Admission
    from model_server.http.connection import BoundedConnection
    from model_server.http.request_middleware import RequestMiddleware
    from model_server.kserve.placeholders import placeholders
    from model_server.limits import Limits
    from model_server.metrics import Metrics, ServerState
    from model_server.openapi import describe_api
    from model_server.page.assets import read_assets
    from model_server.protocols import parse_v1, parse_v2
    from model_server.routes import routes_with
    from model_server.service import LogoService
    from model_server.v2 import describe_model

    with placeholders():
        from model_server.kserve.data_plane import EXPLAIN
        from model_server.kserve.model import LogoModel
        from model_server.kserve.server import Listening, Server
    gc.freeze()  # what was imported stays: no later collection looks at it

    admission = Admission(settings.queue_max_images, lambda: pool.image_s)
    metrics = Metrics(REGISTRY)
    served = {
        "name": artifact.name,
        "version": artifact.version,
        "runtime": source.runtime,
        "precision": source.precision,
    }
    metrics.describe_model(**served)
    metrics.compare_scores(artifact.thresholds)
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
            ports = {} if settings.grpc_port is None else {"grpc_port": settings.grpc_port}
            log.info(
                "ready: /v1/models/%s:predict on port %d",
                *(settings.model_name, settings.port),
                extra={"fields": {**served, "workers": settings.workers, **ports}},
            )
            yield

    model = LogoModel(
        settings.model_name,
        service=service,
        engine=engine(),
        has_live_workers=lambda: pool.has_live_workers,
        metadata=describe_model(
            settings.model_name, artifact.version, source.runtime, artifact.labels, artifact.thresholds
        ),
    )
    metrics.watch(
        ServerState(
            ready=lambda: model.takes_requests,
            in_flight_images=lambda: admission.in_flight,
            in_flight_images_max=settings.queue_max_images,
            queued_images=lambda: pool.waiting,
            held_bytes=lambda: byte_budget.held_bytes,
            held_bytes_max=byte_budget.limit_bytes,
            workers=settings.workers,
            workers_ready=lambda: pool.workers_ready,
            workers_busy=lambda: pool.busy,
            worker_restarts=lambda: pool.restarts,
            worker_pids=lambda: pool.pids,
        )
    )
    limits = Limits(settings.images_max_num, settings.image_max_size, settings.body_max_size)
    page = read_assets(settings.model_name, settings.allowed_hosts, limits) if settings.try_page else {}
    server = Server(
        Listening(settings.port, settings.drain_delay_s, _grace_period_s(settings)),
        admission=admission,
        middleware=partial(
            RequestMiddleware,
            admission=admission,
            byte_budget=byte_budget,
            metrics=metrics,
            limits=limits,
            routes=routes_with(page),
            request_timeout_s=settings.request_timeout_s,
            slow_request_s=settings.slow_request_s,
        ),
        connection=partial(BoundedConnection, max_connections=settings.connections_max, metrics=metrics),
        protocols={
            "v1": partial(parse_v1, labels=artifact.labels, max_items=settings.images_max_num),
            EXPLAIN: partial(
                parse_v1, labels=artifact.labels, max_items=limits.of_explanations().images_max_num
            ),
            "v2": partial(
                parse_v2,
                labels=artifact.labels,
                max_items=settings.images_max_num,
                model=_name(settings, artifact),
            ),
        },
        page=page,
    )
    server.describe(describe_api(settings.model_name, artifact.labels, limits))
    beside = None
    if settings.grpc_port is not None:
        beside = grpc_server(
            settings,
            artifact,
            dataplane=server.dataplane,
            takes_requests=lambda: model.takes_requests,
            admission=admission,
            byte_budget=byte_budget,
            metrics=metrics,
        )
    server.start([model], beside)


def grpc_server(
    settings: Settings,
    artifact: Artifact,
    *,
    dataplane: "RawDataPlane",
    takes_requests: Callable[[], bool],
    admission: "Admission",
    byte_budget: ByteBudget,
    metrics: "Metrics",
) -> "GrpcServer":
    """The server of gRPC, not started yet, over KServe's data plane; GRPC_PORT is set."""
    from model_server.kserve.grpc.inference import Inference
    from model_server.kserve.grpc.intake import Intake
    from model_server.kserve.grpc.messages import parse_infer
    from model_server.kserve.grpc.server import GrpcListening, GrpcServer

    intake = Intake(byte_budget)
    inference = Inference(
        dataplane,
        parse=partial(
            parse_infer,
            labels=artifact.labels,
            max_items=settings.images_max_num,
            model=_name(settings, artifact),
        ),
        max_items=settings.images_max_num,
        intake=intake,
        admission=admission,
        byte_budget=byte_budget,
        metrics=metrics,
        request_timeout_s=settings.request_timeout_s,
        slow_request_s=settings.slow_request_s,
    )
    listening = GrpcListening(
        settings.grpc_port or 0, settings.connections_max, settings.body_max_size, _grace_period_s(settings)
    )
    return GrpcServer(listening, inference=inference, intake=intake, takes_requests=takes_requests)


def _name(settings: Settings, artifact: Artifact) -> dict[str, str]:
    """What answers of V2 say of the model."""
    return {"model_name": settings.model_name, "model_version": artifact.version}


def _grace_period_s(settings: Settings) -> int:
    return ceil(settings.request_timeout_s) + DRAIN_SLACK_S


if __name__ == "__main__":
    sys.exit(main())
