from http import HTTPStatus
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from logo_detection.errors import UrlNotAllowed
from model_server.errors import RequestMalformed, status_of_items
from model_server.schema import (
    FILENAME_MAX_CHARS,
    MARKS_MAX_PER_ITEM,
    TARGET_MAX_CHARS,
    Inline,
    Item,
    Url,
    parse_request,
)

LABELS = ("out_of_domain", "logo", "coat_of_arms")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
almost_items = st.fixed_dictionaries(
    {},
    optional={
        "filename": st.text(max_size=3) | json_values,
        "target": st.sampled_from([*LABELS, "", "x"]) | json_values,
        "url": st.text(max_size=5) | json_values,
        "image": st.text(max_size=5) | json_values,
    },
)


def test_url_and_inline_items_become_different_types() -> None:
    body = [
        {"filename": "a", "url": "https://a.example/", "target": "logo"},
        {"filename": "b", "image": "AAAA", "target": "coat_of_arms"},
    ]
    request = parse_request(orjson.dumps({"instances": body, "debug": True}), LABELS, 50)
    assert request.debug
    assert request.items == (
        Item("a", "logo", Url(URL("https://a.example/"))),
        Item("b", "coat_of_arms", Inline("AAAA")),
    )


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    with pytest.raises(RequestMalformed):
        parse_request(body, LABELS, 50)


@given(st.lists(almost_items, max_size=4) | json_values, json_values)
@settings(max_examples=300)
def test_any_json_is_parsed_or_refused(instances: Any, debug: Any) -> None:
    try:
        body = orjson.dumps({"instances": instances, "debug": debug})
    except TypeError:  # an integer of more than 64 bits; not JSON that orjson writes
        return
    try:
        request = parse_request(body, LABELS, 3)
    except RequestMalformed:
        return
    assert 1 <= len(request.items) <= 3
    assert request.debug is (debug is True)
    for item, raw in zip(request.items, instances, strict=True):
        assert item.filename == raw["filename"]
        assert item.target in LABELS[1:]
        assert (raw.get("url") is None) != (raw.get("image") is None)


def test_fifty_items_of_nothing_but_commas_and_brackets_are_parsed() -> None:
    filename, target, url = ("[,{" * size for size in (FILENAME_MAX_CHARS // 3, TARGET_MAX_CHARS // 3, 200))
    item = {"filename": filename, "target": target, "url": url, "unknown": [[], {}]}
    body = orjson.dumps({"instances": [item] * 50, "debug": False})
    last = parse_request(body, ("out_of_domain", target), 50).items[49]
    assert (last.filename, last.target) == (filename, target)
    assert isinstance(last.source, Url)
    assert isinstance(last.source.parsed, UrlNotAllowed)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'""', b'{"a":1}', b"[[[1]]]"])
def test_more_values_than_items_need_are_refused_before_they_are_made(value: bytes) -> None:
    most = 2 * MARKS_MAX_PER_ITEM
    few, many = (b"[" + b",".join([value] * count) + b"]" for count in (most // 8, most + 1))
    with pytest.raises(RequestMalformed, match="1 to 2 items"):
        parse_request(few, LABELS, 2)
    with pytest.raises(RequestMalformed, match="more than 4,000 commas and opening brackets"):
        parse_request(many, LABELS, 2)


def test_at_most_ten_problems_are_listed() -> None:
    with pytest.raises(RequestMalformed) as refusal:
        parse_request(orjson.dumps([{}] * 30), LABELS, 50)
    assert len(str(refusal.value).split("; ")) == 10


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ([None, "internal"], HTTPStatus.OK),
        (["image_corrupt"], HTTPStatus.UNPROCESSABLE_ENTITY),
        (["image_corrupt", "deadline_exceeded"], HTTPStatus.UNPROCESSABLE_ENTITY),
        (["internal", "deadline_exceeded"], HTTPStatus.UNPROCESSABLE_ENTITY),
        (["deadline_exceeded", "deadline_exceeded"], HTTPStatus.GATEWAY_TIMEOUT),
        (["internal", "internal"], HTTPStatus.INTERNAL_SERVER_ERROR),
    ],
)
def test_the_status_follows_from_the_items(codes: list[str | None], status: HTTPStatus) -> None:
    assert status_of_items(codes) == status
