from collections.abc import Callable
from typing import Any

import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from model_server.errors import RequestMalformed
from model_server.kserve.grpc.messages import decode_infer, decode_small, parse_infer
from model_server.protocols import Parsed
from model_server.schema import InlineBytes, Url
from tests.harness.grpc import add_input, infer_request

LABELS = ("out_of_domain", "logo")
MAX_ITEMS = 3
RAW = pytest.mark.parametrize("raw", [True, False], ids=["raw", "contents"])


def parse(request: pb.ModelInferRequest) -> Parsed:
    message = decode_infer(request.SerializeToString(), MAX_ITEMS)
    return parse_infer(message, LABELS, MAX_ITEMS, {"model_name": "m", "model_version": "1"})


@RAW
def test_files_are_items_in_their_order(raw: bool) -> None:
    request = infer_request([b"\xff\xd8", b""], raw=raw)
    add_input(request, "filename", [b"a", "ü".encode()], raw=raw)
    first, second = parse(request).items
    assert (first.filename, second.filename) == ("a", "ü")
    sources = [first.source, second.source]
    assert [bytes(source.data) for source in sources if isinstance(source, InlineBytes)] == [b"\xff\xd8", b""]


@RAW
def test_urls_are_read(raw: bool) -> None:
    request = pb.ModelInferRequest()
    add_input(request, "url", [b"https://commons.wikimedia.org/a.jpg"], raw=raw)
    (item,) = parse(request).items
    assert isinstance(item.source, Url)


Change = Callable[[Any], object]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda r: r.ClearField("inputs"), "inputs: must be 1 to 4 tensors, not 0"),
        (lambda r: [r.inputs.add() for _ in range(4)], "inputs: must be 1 to 4 tensors, not 5"),
        (lambda r: r.raw_input_contents.append(b""), "raw_input_contents: must be 1, one for each input"),
        (
            lambda r: r.inputs[0].contents.bytes_contents.append(b"x"),
            "inputs.image.contents: must not be there beside raw_input_contents",
        ),
        (
            lambda r: setattr(r.inputs[0], "name", "a\nb"),
            "inputs[0].name: must be 1 to 64 letters, digits, dots, hyphens or underscores",
        ),
        (lambda r: setattr(r.inputs[0], "name", "picture"), "inputs.picture: must be one of: image"),
        (lambda r: setattr(r.inputs[0], "datatype", "FP32"), "inputs.image.datatype: must be BYTES"),
        (lambda r: r.inputs[0].shape.append(1), "inputs.image.shape: must be [N], N from 1 to 3"),
        (lambda r: r.inputs[0].shape.__setitem__(0, 2), "inputs.image[1]: is cut short"),
        (lambda r: r.inputs[0].shape.__setitem__(0, -1), "inputs.image.shape: must be [N], N from 1 to 3"),
        (
            lambda r: setattr(r.inputs[0].parameters["shared_memory_region"], "string_param", "x"),
            "inputs.image.parameters.shared_memory_region: is not supported",
        ),
        (lambda r: r.outputs.add(name="?"), "outputs[0].name: must be"),
        (lambda r: r.outputs.add(name="mask"), "outputs.mask: must be one of: prediction"),
        (
            lambda r: setattr(r.outputs.add(name="scores").parameters["classification"], "int64_param", 2),
            "outputs.scores.parameters.classification: is not supported",
        ),
        (lambda r: setattr(r, "id", "i" * 1025), "id: is too long (at most 1024 characters)"),
    ],
)
def test_what_is_malformed_is_refused_by_name(change: Change, text: str) -> None:
    request = infer_request([b"x"])
    change(request)
    with pytest.raises(RequestMalformed) as error:
        parse(request)
    assert str(error.value).startswith(text)


def test_elements_of_another_type_are_refused_by_name() -> None:
    request = pb.ModelInferRequest()
    tensor = request.inputs.add(name="image", datatype="BYTES", shape=[1])
    tensor.contents.fp32_contents.append(1.0)
    with pytest.raises(RequestMalformed, match=r"image.contents.fp32_contents: must be bytes_contents"):
        parse(request)


def test_parameters_that_mean_nothing_here_are_ignored() -> None:
    request = infer_request([b"x"])
    request.parameters["binary_data_output"].bool_param = True
    request.inputs[0].parameters["binary_data_size"].int64_param = 5
    assert len(parse(request).items) == 1


@pytest.mark.parametrize("body", [b"\x0a\x02\xff\xff", b"\x0a\x03abc\x22\x01\xff"])
def test_bytes_that_are_no_message_are_refused(body: bytes) -> None:
    with pytest.raises(RequestMalformed, match="the message is no ModelInferRequest"):
        decode_infer(body, MAX_ITEMS)
    with pytest.raises(RequestMalformed, match="the message is no ModelReadyRequest"):
        decode_small(pb.ModelReadyRequest, b"\x0a\x02\xff\xff")


def test_a_small_message_has_a_limit() -> None:
    body = pb.ModelReadyRequest(name="n" * 65537).SerializeToString()
    with pytest.raises(RequestMalformed, match="the message has more than 65,536 bytes"):
        decode_small(pb.ModelReadyRequest, body)
