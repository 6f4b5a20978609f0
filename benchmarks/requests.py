"""The requests: bodies of every shape, made before anything is measured."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.files import File
from tests.harness.grpc import infer_request
from tests.harness.load import write_bodies, write_messages, write_whole_requests
from tests.harness.requests import whole_request
from tests.harness.v2 import INFER, binary_request

ORIGIN_HOST = "origin.test"
FIFTY = 50  # IMAGES_MAX_NUM: the most that one request may have

BINARY, GRPC = "one binary", "one grpc"
"""The shapes of V2: one file as its bytes, over REST and over gRPC."""

Instances = list[dict[str, Any]]


def write_requests(thumbnails: Sequence[File], large: Sequence[File], folder: Path) -> None:
    """Bodies of every shape that is measured, over all thumbnails, where a generator of load finds them.

    Of V1 there are `one`, `fifty`, `url`, `fifty urls`, `fifty mixed`, and the name of each large file.
    """
    inline = [item(file) for file in thumbnails]
    by_url = [item(file, is_url=True) for file in thumbnails]
    mixed = [pair[number % 2] for number, pair in enumerate(zip(inline, by_url, strict=True))]
    requests: dict[str, list[Instances]] = {
        "one": [[one] for one in inline],
        "url": [[one] for one in by_url],
        "fifty": _fifties(inline),
        "fifty urls": _fifties(by_url),
        "fifty mixed": _fifties(mixed),
        **{file.name: [[item(file)]] for file in large},
    }
    for shape, several in requests.items():
        bodies = [json.dumps({"instances": instances}).encode() for instances in several]
        write_bodies(folder, shape, bodies)
    binary = [binary_request([file.data]) for file in thumbnails]
    write_whole_requests(folder, BINARY, [whole_request(*each, path=INFER) for each in binary])
    messages = [infer_request([file.data]).SerializeToString() for file in thumbnails]
    write_messages(folder, GRPC, messages)


def item(file: File, *, is_url: bool = False) -> dict[str, Any]:
    """One instance of the KServe V1 request."""
    source = (
        {"url": f"https://{ORIGIN_HOST}/{file.name}"}
        if is_url
        else {"image": base64.b64encode(file.data).decode()}
    )
    return {"filename": file.name, "target": "logo", **source}


def _fifties(items: Instances) -> list[Instances]:
    return [items[start : start + FIFTY] for start in range(0, len(items), FIFTY)]
