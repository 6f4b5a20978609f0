"""The server of gRPC: which services it has, how it listens, and how it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

import grpc
from google.protobuf.message import Message
from grpc._cython import cygrpc
from grpc.aio import ServicerContext
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as REFLECTION
from grpc_reflection.v1alpha.reflection import aio as reflection

from model_server.kserve.grpc.calls import streaming
from model_server.kserve.grpc.health import SERVICE as HEALTH
from model_server.kserve.grpc.health import Health
from model_server.kserve.grpc.inference import SERVICE as INFERENCE
from model_server.kserve.grpc.inference import Inference
from model_server.kserve.grpc.intake import Intake

METADATA_MAX_BYTES = 64 * 2**10  # as the head of a request of HTTP
UNASKED_MAX_BYTES = 64 * 2**10  # of a message, before somebody reads it
REFUSAL_TIMEOUT_S = 1.0
IDENTITY_ALONE = 1  # of the set of compressions: what is compressed has no bound before it is not

log = logging.getLogger("model_server")


@dataclass(frozen=True, slots=True)
class GrpcListening:
    """How the server listens, and how it ceases to.

    Attributes:
        port: TCP, on all addresses.
        connections_max: Open at once, and calls at once.
        message_max_bytes: Of a message.
        grace_period_s: Seconds for calls in flight, when it ends.
    """

    port: int
    connections_max: int
    message_max_bytes: int
    grace_period_s: int

    def options(self) -> list[tuple[str, int]]:
        """gRPC's, by its names."""
        return [
            ("grpc.so_reuseport", 0),  # else two servers would share a port, and the clients
            ("grpc.max_receive_message_length", self.message_max_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.http2.lookahead_bytes", UNASKED_MAX_BYTES),
            ("grpc.http2.bdp_probe", 0),  # it would raise that to megabytes
            ("grpc.max_metadata_size", METADATA_MAX_BYTES),
            ("grpc.absolute_max_metadata_size", METADATA_MAX_BYTES),
            ("grpc.max_allowed_incoming_connections", self.connections_max),
            ("grpc.max_concurrent_streams", self.connections_max),
            ("grpc.compression_enabled_algorithms_bitset", IDENTITY_ALONE),
        ]


class RegisteredServer(cygrpc.AioServer):
    """gRPC's server for methods that are registered alone; the rest are refused before their path is read.

    gRPC's own (1.85) ends for good where the path of one call is not UTF-8.
    """

    async def _request_call(self) -> None:
        """Called to wait for a call of any other method; gRPC would go on with what this returns."""
        while True:
            call = cygrpc._ServicerContext(
                await super()._request_call(), None, None, asyncio.get_running_loop()
            )
            with suppress(grpc.aio.BaseError, TimeoutError):
                async with asyncio.timeout(REFUSAL_TIMEOUT_S):
                    await call.abort(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")


class GrpcServer:
    """Serves inference, health and reflection, from `start` to `stop`.

    Args:
        listening: How it listens.
        inference: The methods that score.
        intake: Reads messages.
        takes_requests: Whether requests should be sent here.
    """

    def __init__(
        self,
        listening: GrpcListening,
        *,
        inference: Inference,
        intake: Intake,
        takes_requests: Callable[[], bool],
    ) -> None:
        self._listening = listening
        self._inference = inference
        self._intake = intake
        self._closing = asyncio.Event()
        self._health = Health(frozenset({INFERENCE}), takes_requests, intake, self._closing)
        self._server: RegisteredServer

    async def start(self) -> None:
        """Listen.

        Raises:
            RuntimeError: The port is taken.
        """
        self._server = RegisteredServer(
            asyncio.get_running_loop(),
            None,
            (),
            (),
            self._listening.options(),
            self._listening.connections_max,
        )
        self._server.add_registered_method_handlers(self._handlers())
        if not self._server.add_insecure_port(f"0.0.0.0:{self._listening.port}".encode()):
            raise RuntimeError("gRPC cannot listen")
        await self._server.start()

    async def stop(self) -> None:
        """Take no more calls, and wait for those in flight."""
        self._closing.set()
        await self._server.shutdown(self._listening.grace_period_s)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.wait_for_termination(None)

    def _handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        reflect = {"ServerReflectionInfo": streaming(self._reflect)}
        services = {
            INFERENCE: self._inference.handlers(),
            HEALTH: self._health.handlers(),
            REFLECTION: reflect,
            REFLECTION.replace("v1alpha", "v1"): reflect,  # the same messages; clients ask for it first
        }
        return {
            f"/{service}/{name}": handler
            for service, handlers in services.items()
            for name, handler in handlers.items()
        }

    async def _reflect(self, call: ServicerContext) -> AsyncIterator[Message]:
        servicer = reflection.ReflectionServicer([INFERENCE, HEALTH, REFLECTION])

        async def messages() -> AsyncIterator[Message]:
            kind = reflection_pb2.ServerReflectionRequest
            while (message := await self._intake.read_small(call, kind)) is not None:
                yield message

        async for answer in servicer.ServerReflectionInfo(messages(), call):
            yield answer
