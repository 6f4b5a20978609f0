"""The standard health service of gRPC, which tells what the readiness of HTTP tells."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc.aio import ServicerContext
from grpc_health.v1 import health_pb2 as pb

from model_server.errors import RequestMalformed
from model_server.kserve.grpc.calls import NO_MESSAGE, asking, streaming
from model_server.kserve.grpc.intake import Intake

SERVICE: str = pb.DESCRIPTOR.services_by_name["Health"].full_name
LOOK_AGAIN_S = 0.2
WATCHES_MAX = 100


class Health:
    """Tells whether requests are taken, when it is asked, or whenever that changes.

    Args:
        services: Names that may be asked for, beside the empty one, which means the server.
        takes_requests: Whether requests should be sent here.
        intake: Reads messages.
        closing: Set when the server ends; nobody watches it any longer then.
    """

    def __init__(
        self,
        services: frozenset[str],
        takes_requests: Callable[[], bool],
        intake: Intake,
        closing: asyncio.Event,
    ) -> None:
        self._services = services | {""}
        self._takes_requests = takes_requests
        self._intake = intake
        self._closing = closing
        self._watches = 0

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        """By the methods' names."""
        return {
            "Check": asking(self._intake, pb.HealthCheckRequest, self._check),
            "Watch": streaming(self._watch),
        }

    async def _check(self, asked: pb.HealthCheckRequest, call: ServicerContext) -> pb.HealthCheckResponse:
        if asked.service not in self._services:
            await call.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return pb.HealthCheckResponse(status=self._status(asked.service))

    async def _watch(self, call: ServicerContext) -> AsyncIterator[pb.HealthCheckResponse]:
        asked = await self._intake.read_small(call, pb.HealthCheckRequest)
        if asked is None:
            raise RequestMalformed(NO_MESSAGE)
        if self._watches >= WATCHES_MAX:
            await call.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch already")
        self._watches += 1
        try:
            told = None
            while True:
                is_last = self._closing.is_set()
                if (status := self._status(asked.service)) != told:
                    yield pb.HealthCheckResponse(status=status)
                    told = status
                if is_last:
                    return
                await self._wait()
        finally:
            self._watches -= 1

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _status(self, service: str) -> pb.HealthCheckResponse.ServingStatus:
        if service not in self._services:
            return pb.HealthCheckResponse.SERVICE_UNKNOWN
        if self._takes_requests():
            return pb.HealthCheckResponse.SERVING
        return pb.HealthCheckResponse.NOT_SERVING
