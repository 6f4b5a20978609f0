"""The requests: whole HTTP messages, made before anything is measured."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.files import File

ORIGIN_HOST = "origin.test"
PREDICT = "/v1/models/logo-detection:predict"
FIFTY = 50  # IMAGES_MAX_NUM: the most that one request may have

Shape = Literal["one", "fifty", "url", "fifty urls", "fifty mixed", "large"]


@dataclass(frozen=True, slots=True)
class Request:
    """A message, and how many images are in it."""

    message: bytes
    images: int


def make_requests(thumbnails: Sequence[File], large: File) -> dict[Shape, list[Request]]:
    """Every shape of request that is measured, over all thumbnails."""
    inline = [item(file) for file in thumbnails]
    by_url = [item(file, is_url=True) for file in thumbnails]
    mixed = [pair[number % 2] for number, pair in enumerate(zip(inline, by_url, strict=True))]
    return {
        "one": [request([one]) for one in inline],
        "url": [request([one]) for one in by_url],
        "fifty": [request(fifty) for fifty in _fifties(inline)],
        "fifty urls": [request(fifty) for fifty in _fifties(by_url)],
        "fifty mixed": [request(fifty) for fifty in _fifties(mixed)],
        "large": [request([item(large)])],
    }


def item(file: File, *, is_url: bool = False) -> dict[str, Any]:
    """One instance of the KServe V1 request."""
    source = (
        {"url": f"https://{ORIGIN_HOST}/{file.name}"}
        if is_url
        else {"image": base64.b64encode(file.data).decode()}
    )
    return {"filename": file.name, "target": "logo", **source}


def request(instances: Sequence[dict[str, Any]]) -> Request:
    """A whole message, as UploadWizard sends it."""
    body = json.dumps({"instances": instances}).encode()
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Request(head.encode() + body, len(instances))


def _fifties(items: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (items[start : start + FIFTY] for start in range(0, len(items), FIFTY))
