import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from model_server.errors import RequestMalformed
from model_server.kserve.grpc.messages import ELEMENTS
from model_server.kserve.grpc.wire import count_overhead
from tests.harness.grpc import add_input, infer_request

MOST = 65536


def overhead(message: bytes, most: int = MOST) -> int:
    return count_overhead(memoryview(message), ELEMENTS, most)


@pytest.mark.parametrize("raw", [True, False])
def test_what_tensors_are_made_of_is_no_overhead(raw: bool) -> None:
    request = infer_request([b"a" * 10**6, b"b" * 10**5], raw=raw)
    assert 20 < overhead(request.SerializeToString()) < 100


def test_everything_else_is() -> None:
    request = infer_request([b"a"], id="i" * 500)
    request.inputs[0].parameters["x"].string_param = "s" * 300
    request.outputs.add(name="o" * 200)
    assert 1000 < overhead(request.SerializeToString()) < 1100


@pytest.mark.parametrize(
    "message",
    [
        b"\x2a\x00" * MOST,  # inputs
        b"\x3a\x00" * MOST,  # serialized tensors
        b"\x2a\x80\x80\x08\x2a\xfc\xff\x07" + b"\x42\x00" * (MOST - 2),  # elements of one input
        b"\x2a\x80\x80\x04" + b"\x1a\xfc\xff\x03" + b"\x01" * (MOST - 4),  # a shape
        b"\x22\x00" * MOST,  # parameters
        b"\x78\x01" * MOST,  # unknown
        pb.ModelInferRequest(id="i" * (MOST + 1)).SerializeToString(),
    ],
)
def test_a_message_of_too_much_else_is_refused(message: bytes) -> None:
    with pytest.raises(RequestMalformed, match="too many bytes beside"):
        overhead(message)


@pytest.mark.parametrize(
    "message",
    [b"\x0a", b"\x0a\x05abc", b"\x0a" + b"\xff" * 11, b"\x3a\xff\xff\xff\x7f", b"\x09\0\0", b"\x0b"],
)
def test_what_is_cut_short_or_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(RequestMalformed):
        overhead(message)


def test_every_kind_of_field_is_read() -> None:
    assert overhead(b"\x08\x96\x01" + b"\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x22\x01a") == 20


def test_several_tensors_are_counted_together() -> None:
    request = infer_request([b"a"], raw=False)
    one = overhead(request.SerializeToString())
    add_input(request, "filename", [b"a"], raw=False)
    assert overhead(request.SerializeToString()) > one
    with pytest.raises(RequestMalformed):
        overhead(request.SerializeToString(), most=one + 5)
