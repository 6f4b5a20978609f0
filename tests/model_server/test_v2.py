"""V2's tensors: which become items, and what becomes of results. No server, no JSON."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from logo_detection.artifact import AlarmThreshold
from logo_detection.errors import ImageCorrupt, UrlNotAllowed
from model_server.errors import RequestMalformed
from model_server.schema import FILENAME_MAX_CHARS, Inline, InlineBytes, Item, ItemResult, Score, Timing, Url
from model_server.v2 import (
    INPUTS,
    Input,
    describe_model,
    parse_items,
    parse_outputs,
    render_outputs,
    serialize,
)
from tests.harness import v2

LABELS = ("out_of_domain", "logo")
CLASSES = ("out_of_domain", "logo", "flag")


def given_input(name: str, *data: object, shape: list[int] | None = None, datatype: str = "BYTES") -> Input:
    return Input(name, datatype, [len(data)] if shape is None else shape, data)


def serialized_input(name: str, data: bytes, *shape: int) -> Input:
    return Input(name, "BYTES", shape, memoryview(data))


class TestItems:
    def test_text_is_base64_and_bytes_are_the_file(self) -> None:
        assert parse_items([given_input("image", "AAAA", b"\0\xff")], LABELS, 50) == (
            Item("", "logo", Inline("AAAA")),
            Item("", "logo", InlineBytes(b"\0\xff")),
        )

    def test_serialized_files_are_not_copied(self) -> None:
        body = bytearray(v2.serialize([b"one", b"", b"three"]))
        items = parse_items([Input("image", "BYTES", [3], memoryview(body))], LABELS, 50)
        assert [item.source for item in items] == [InlineBytes(data) for data in (b"one", b"", b"three")]
        body[4:7] = b"ONE"
        assert items[0].source == InlineBytes(b"ONE")

    def test_the_other_tensors_go_with_their_elements(self) -> None:
        inputs = [
            given_input("target", "flag", "logo"),
            given_input("filename", "a", "ü".encode()),
            given_input("url", "https://a.example/", "nonsense"),
        ]
        first, second = parse_items(inputs, CLASSES, 50)
        assert first == Item("a", "flag", Url(URL("https://a.example/")))
        assert (second.filename, second.target) == ("ü", "logo")
        assert isinstance(second.source, Url)
        assert isinstance(second.source.parsed, UrlNotAllowed)

    def test_a_target_may_be_left_out_only_where_there_is_but_one(self) -> None:
        (item,) = parse_items([given_input("image", "")], LABELS, 50)
        assert item.target == "logo"
        with pytest.raises(RequestMalformed, match=r"inputs\.target: is missing; must be one of: logo, flag"):
            parse_items([given_input("image", "")], CLASSES, 50)


MALFORMED: list[tuple[list[Input], str]] = [
    ([], "inputs: image or url is missing"),
    ([given_input("filename", "a")], "inputs: image or url is missing"),
    ([given_input("image", ""), given_input("url", "")], "inputs: image and url exclude each other"),
    ([given_input("picture", "")], "inputs.picture: must be one of: image, url, filename, target"),
    ([given_input("image", ""), given_input("image", "")], "inputs.image: is there twice"),
    ([given_input("image", 1.5, datatype="FP32")], "inputs.image.datatype: must be BYTES"),
    ([given_input("image", "", datatype="bytes")], "inputs.image.datatype: must be BYTES"),
    ([given_input("image", shape=[])], "inputs.image.shape: must be [N], N from 1 to 3"),
    ([given_input("image", shape=[0])], "inputs.image.shape: must be [N], N from 1 to 3"),
    ([given_input("image", "", shape=[-1])], "inputs.image.shape: must be [N], N from 1 to 3"),
    ([given_input("image", "", shape=[1, 1])], "inputs.image.shape: must be [N], N from 1 to 3"),
    ([given_input("image", *"aaaa")], "inputs.image.shape: must be [N], N from 1 to 3"),
    ([given_input("image", "", shape=[2**62])], "inputs.image.shape: must be [N], N from 1 to 3"),
    ([given_input("image", "", shape=[2])], "inputs.image.shape: must be [1], as there are so many elements"),
    (
        [given_input("image", "", ""), given_input("filename", "a")],
        "inputs.filename.shape: must be [2], as that of image",
    ),
    ([given_input("image", "", None)], "inputs.image[1]: must be a string"),
    ([given_input("url", b"\xff")], "inputs.url[0]: is not UTF-8"),
    ([given_input("image", ""), given_input("filename", "")], "inputs.filename[0]: must not be empty"),
    (
        [given_input("image", ""), given_input("filename", "ü" * 1025)],
        "inputs.filename[0]: is too long (at most 1024 characters)",
    ),
    ([given_input("image", ""), given_input("target", "cat")], "inputs.target[0]: must be one of: logo"),
    (
        [given_input("image", ""), given_input("target", "out_of_domain")],
        "inputs.target[0]: must be one of: logo",
    ),
    ([serialized_input("image", b"", 1)], "inputs.image[0]: is cut short"),
    ([serialized_input("image", b"\1\0\0", 1)], "inputs.image[0]: is cut short"),
    ([serialized_input("image", b"\2\0\0\0a", 1)], "inputs.image[0]: is cut short"),
    ([serialized_input("image", b"\xff\xff\xff\xffa", 1)], "inputs.image[0]: is cut short"),
    ([serialized_input("image", v2.serialize([b"a"]), 2)], "inputs.image[1]: is cut short"),
    (
        [serialized_input("image", v2.serialize([b"a", b"b"]), 1)],
        "inputs.image.shape: says 1 elements, and 5 more bytes follow",
    ),
]


@pytest.mark.parametrize(("inputs", "message"), MALFORMED, ids=[message for _, message in MALFORMED])
def test_a_malformed_tensor_is_named(inputs: list[Input], message: str) -> None:
    with pytest.raises(RequestMalformed) as refusal:
        parse_items(inputs, LABELS, 3)
    assert str(refusal.value) == message


elements = (
    st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=5) | st.lists(st.none(), max_size=2)
)
almost_tensors = st.builds(
    Input,
    st.sampled_from([*INPUTS, "other"]),
    st.sampled_from(["BYTES", "BYTES", "FP32", ""]),
    st.lists(st.integers(-2, 5) | st.integers(), max_size=2),
    st.lists(elements, max_size=4) | st.binary(max_size=30).map(lambda data: memoryview(data)),
)


@given(st.lists(almost_tensors, max_size=5))
@settings(max_examples=300)
def test_any_tensors_are_parsed_or_refused(inputs: list[Input]) -> None:
    try:
        items = parse_items(inputs, LABELS, 3)
    except RequestMalformed:
        return
    assert 1 <= len(items) <= 3
    assert {tuple(tensor.shape) for tensor in inputs} == {(len(items),)}
    assert all(item.target == "logo" and len(item.filename) <= FILENAME_MAX_CHARS for item in items)


class TestOutputs:
    def test_four_are_answered_where_none_is_asked_for(self) -> None:
        assert parse_outputs([]) == ("prediction", "out_of_domain", "error_code", "error_message")

    def test_those_asked_for_keep_their_order(self) -> None:
        assert parse_outputs(["scores", "prediction"]) == ("scores", "prediction")

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            (["prediction", "label"], r"outputs\.label: must be one of: prediction, .*, scores"),
            (["scores", "scores"], r"outputs\.scores: is there twice"),
        ],
    )
    def test_another_one_or_one_twice_is_refused(self, names: list[str], message: str) -> None:
        with pytest.raises(RequestMalformed, match=message):
            parse_outputs(names)

    def test_a_file_without_a_score_has_no_numbers_and_another_no_error(self) -> None:
        item = Item("", "logo", Inline(""))
        score = Score(0.123456, 0.7, (0.7, 0.123456, 0.176544), "png", 1, 1)
        results = [ItemResult(item, ImageCorrupt(), Timing()), ItemResult(item, score, Timing())]
        names = ("scores", "error_code", "error_message", "prediction", "out_of_domain")
        scores, code, message, prediction, out_of_domain = render_outputs(results, names, CLASSES)
        assert [output.name for output in (scores, code, message, prediction, out_of_domain)] == list(names)
        assert (scores.datatype, scores.shape) == ("FP32", (2, 3))
        assert all(isinstance(value, float) and math.isnan(value) for value in scores.values[:3])
        assert scores.values[3:] == [0.7, 0.1235, 0.1765]
        assert list(code.values) == ["image_corrupt", ""]
        assert list(message.values) == [ImageCorrupt.default_message, ""]
        assert prediction.values[1] == 0.1235
        assert out_of_domain.values[1] == 0.7
        nan, number = struct.unpack("<2f", serialize(prediction))
        assert math.isnan(nan)
        assert round(number, 4) == 0.1235
        assert serialize(code) == b"\x0d\0\0\0image_corrupt\0\0\0\0"


def test_the_metadata_describes_what_is_parsed_and_rendered() -> None:
    document: dict[str, Any] = describe_model("m", "1.2", "openvino", CLASSES)
    assert (document["name"], document["versions"], document["platform"]) == ("m", ["1.2"], "openvino")
    assert [each["name"] for each in document["inputs"]] == list(INPUTS)
    names = [each["name"] for each in document["outputs"]]
    rendered = render_outputs([], parse_outputs(names), CLASSES)
    for described, output in zip(document["outputs"], rendered, strict=True):
        assert described["datatype"] == output.datatype
        assert described["shape"] == [-1, *output.shape[1:]]
    assert document["parameters"] == {"labels": list(CLASSES)}


def test_the_metadata_has_the_manifests_thresholds_where_there_are_some() -> None:
    threshold = AlarmThreshold(
        target="logo", false_alarm_rate=0.01, threshold=0.93, recall=0.81, recall_low=0.7, recall_high=0.9
    )
    document = describe_model("m", "1.2", "openvino", CLASSES, [threshold])
    assert document["parameters"]["thresholds"] == [
        {
            "target": "logo",
            "false_alarm_rate": 0.01,
            "threshold": 0.93,
            "recall": 0.81,
            "recall_low": 0.7,
            "recall_high": 0.9,
        }
    ]
