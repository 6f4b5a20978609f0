"""Calls: what happens to a call of gRPC around the method that answers it.

Every method takes its messages as bytes: gRPC itself answers INTERNAL where it cannot parse one. What a
method raises becomes a status of gRPC, by the one table of this module.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from grpc.aio import ServicerContext

from model_server.errors import (
    MemoryExhausted,
    ModelUnknown,
    NotReady,
    Overloaded,
    RequestError,
    RequestMalformed,
    ServerFault,
)
from model_server.kserve.grpc.intake import Intake

Messages = AsyncIterator[bytes]
CODES: dict[type[RequestError], grpc.StatusCode] = {
    RequestMalformed: grpc.StatusCode.INVALID_ARGUMENT,
    ModelUnknown: grpc.StatusCode.NOT_FOUND,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,  # clients send again what is UNAVAILABLE, and at once
    MemoryExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    NotReady: grpc.StatusCode.UNAVAILABLE,
    ServerFault: grpc.StatusCode.INTERNAL,
}

NO_MESSAGE = "there is no message, or it is too large"
LATE = "there was not enough time"
FAULT = "internal error"
TEXT_MAX_CHARS = 500  # clients take 8 KiB of metadata, in which a character may have 12 bytes

log = logging.getLogger(__name__)


def asking(
    intake: Intake, kind: type[Message], method: Callable[[Any, ServicerContext], Awaitable[Message]]
) -> grpc.RpcMethodHandler:
    """A method that is sent one small message of a kind. As probes, it is neither counted nor logged."""

    async def ask(call: ServicerContext) -> Message:
        message = await intake.read_small(call, kind)
        if message is None:
            raise RequestMalformed(NO_MESSAGE)
        return await method(message, call)

    return unary(ask)


def unary(method: Callable[[ServicerContext], Awaitable[Message | bytes]]) -> grpc.RpcMethodHandler:
    """A method that is sent one message, and answers one.

    To gRPC it is one that may be sent several: only such methods decide themselves when they read.
    """

    async def behave(_: Messages, call: ServicerContext) -> bytes:
        try:
            return _serialize(await method(call))
        except Exception as error:
            await _fail(call, error)

    return grpc.stream_unary_rpc_method_handler(behave)


def streaming(method: Callable[[ServicerContext], AsyncIterator[Message]]) -> grpc.RpcMethodHandler:
    """A method that answers any number of messages."""

    async def behave(_: Messages, call: ServicerContext) -> AsyncIterator[bytes]:
        try:
            async for answer in method(call):
                yield _serialize(answer)
        except Exception as error:
            await _fail(call, error)

    return grpc.stream_stream_rpc_method_handler(behave)


def _serialize(answer: Message | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else bytes(answer.SerializeToString())


async def _fail(call: ServicerContext, error: Exception) -> NoReturn:
    """End a call whose method raised; gRPC would answer UNKNOWN, and show the error's text."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, RequestError):
        await call.abort(CODES[type(error)], str(error)[:TEXT_MAX_CHARS])
    if isinstance(error, TimeoutError):
        await call.abort(grpc.StatusCode.DEADLINE_EXCEEDED, LATE)
    log.error("unexpected error", exc_info=error)
    await call.abort(CODES[ServerFault], FAULT)
    raise AssertionError("abort raises")
