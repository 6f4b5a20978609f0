"""Calls of gRPC: a server that has a port for them, requests of ModelInfer, and what the answers say."""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from tests.harness.process import free_port
from tests.harness.server import RunningServer, running_server
from tests.harness.v2 import serialize

MODEL = "logo-detection"
MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"
TIMEOUT_S = 30.0
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


@dataclass(frozen=True, slots=True)
class GrpcServer:
    """A server that is ready, and a channel to its port of gRPC."""

    http: RunningServer
    port: int
    channel: Any

    @property
    def stub(self) -> Any:
        """KServe's, of the inference service."""
        return GRPCInferenceServiceStub(self.channel)

    def infer(self, request: pb.ModelInferRequest, **options: Any) -> pb.ModelInferResponse:
        """Have the files of a request scored."""
        return self.stub.ModelInfer(request, **{"timeout": TIMEOUT_S, **options})

    def call(self, method: str, message: bytes, **options: Any) -> bytes:
        """Call a method with a message as bytes, whatever they are."""
        answer: bytes = self.channel.unary_unary(method)(message, **{"timeout": TIMEOUT_S, **options})
        return answer


@contextmanager
def running_grpc_server(stderr_path: Path | None, **settings: Any) -> Iterator[GrpcServer]:
    """Start a server with a port of gRPC, and end it afterwards."""
    port = free_port()
    with running_server(stderr_path, GRPC_PORT=port, **settings) as server, connected(port) as channel:
        yield GrpcServer(server, port, channel)


@contextmanager
def connected(port: int) -> Iterator[Any]:
    """A channel of its own connection."""
    own = ("grpc.use_local_subchannel_pool", 1)
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[*UNLIMITED, own]) as channel:
        yield channel


def infer_request(
    files: Sequence[bytes], *, raw: bool = True, outputs: Sequence[str] = (), **fields: Any
) -> pb.ModelInferRequest:
    """A request whose files are serialized, or in `contents`."""
    request = pb.ModelInferRequest(**{"model_name": MODEL, **fields})
    add_input(request, "image", files, raw=raw)
    for name in outputs:
        request.outputs.add(name=name)
    return request


def add_input(
    request: pb.ModelInferRequest, name: str, elements: Sequence[bytes], *, raw: bool = True
) -> None:
    """Give a request another tensor."""
    tensor = request.inputs.add(name=name, datatype="BYTES", shape=[len(elements)])
    if raw:
        request.raw_input_contents.append(serialize(elements))
    else:
        tensor.contents.bytes_contents.extend(elements)


def read_outputs(response: pb.ModelInferResponse) -> dict[str, list[Any]]:
    """The elements of each output by name; None for a number that is none."""
    raw = response.raw_output_contents
    return {
        output.name: _read_raw(output, raw[index]) if raw else _read_contents(output)
        for index, output in enumerate(response.outputs)
    }


def _read_raw(output: Any, data: bytes) -> list[Any]:
    if output.datatype == "FP32":
        assert len(data) == 4 * math.prod(output.shape)
        return [_number(value) for (value,) in struct.iter_unpack("<f", data)]
    elements = []
    while data:
        (size,) = struct.unpack_from("<I", data)
        elements.append(data[4 : 4 + size].decode())
        data = data[4 + size :]
    assert len(elements) == math.prod(output.shape)
    return elements


def _read_contents(output: Any) -> list[Any]:
    if output.datatype == "FP32":
        values = [_number(value) for value in output.contents.fp32_contents]
    else:
        values = [element.decode() for element in output.contents.bytes_contents]
    assert len(values) == math.prod(output.shape)
    return values


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """The code and the text by which a call is refused."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code().name, error.details()
    raise AssertionError("it was answered")
