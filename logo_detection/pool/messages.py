"""Messages: what the pool's process and its worker processes send each other, and how it is framed.

    to a worker                                     from it
    {source, limits, max_image_bytes}               {"ready": true, "explains": …}, or {"failed": reason}
    {"is_base64": …, "timeout_s": …} + image        {"scores": […], "format": …, "width": …, "height": …,
                                                     "decode_s": …, "score_s": …}, and "features": base64 of
                                                     float32 where the source says `embed`
                                                    or {"code": …, "message": …}, and "out_of_memory": true
                                                     where an admitted image found too little memory
                                                    or {"code": "internal", "cause": …}
    {"build": "explainer", "timeout_s": …}          {"built": true}, or {"code": "internal", "cause": …}
    {…, "contrast": [target, other]} + image        {…, "explanation": {"values": [[…], …],
                                                     "overlay": base64 of a PNG}}
    {…, "thumbnail_side": pixels} + image           {…, "thumbnail": {"width": …, "height": …,
                                                     "pixels": base64 of uint8[height, width, 3]}}

Of a thumbnail the pixels are sent, not a file: its receiver need not decode what such a worker wrote.

A worker is asked to build what explains before it is given its first image with a contrast: that may take
longer than an image may.

A frame is a prefix of two lengths, a JSON object, and raw bytes. Nothing is pickled: a worker
that a malicious image took over can send wrong scores, but cannot run code in this process. This module
imports neither a decoder nor an engine.
"""

import base64
import logging
import math
import re
import struct
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import numpy as np
import orjson

from logo_detection.classifier import Contrast, ModelSource
from logo_detection.decode.header import DecodeLimits, Format
from logo_detection.decode.spec import ImageSpec
from logo_detection.errors import ImageTooManyPixels, InternalError, ItemError, item_error
from logo_detection.heat_map import MAX_SIDE

logger = logging.getLogger(__name__)

PREFIX = struct.Struct("!II")
"""Bytes of the JSON object, and bytes that follow it."""
MAX_REASON_CHARS = 300
MEMORY_SLACK_BYTES = 128 * 2**20
"""What the engine needs beyond one image's share, and malloc loses to fragments."""

MAX_OVERLAY_BYTES = 160 * 2**10
MAX_THUMBNAIL_SIDE = 512
"""Pixels."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORMATS = tuple(each.value for each in Format)
_CAUSE = re.compile(r"\w{1,100} at [\w.<>-]{1,100}:\d{1,9}")


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker is given when it starts.

    Attributes:
        source: The model.
        limits: What one image may cost; `limits.max_memory_bytes` is also what the kernel allows it.
        max_image_bytes: The largest image that is sent, as bytes or as base64 text.
    """

    source: ModelSource
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    max_image_bytes: int = 64 * 2**20

    def to_json(self) -> dict[str, Any]:
        """As it is sent to the worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "WorkerConfig":
        """As the worker received it."""
        source = document["source"]
        lists = {name: tuple(source[name]) for name in ("labels", "instruction_sets")}
        return cls(
            ModelSource(**{**source, **lists, "spec": ImageSpec(**source["spec"])}),
            DecodeLimits(**document["limits"]),
            document["max_image_bytes"],
        )

    @property
    def headroom_bytes(self) -> int:
        """Address space for one image: the pixels, the file, and the text that it came as."""
        return self.limits.max_memory_bytes + 2 * self.max_image_bytes + MEMORY_SLACK_BYTES


@dataclass(frozen=True, slots=True)
class Task:
    """One image to score: its bytes as fetched, or its base64 text as it came.

    Text stays text until a worker has time for it, and is then sent piece by piece: it is never copied whole.
    With a contrast, it is explained, too. With a thumbnail's side, 1 to MAX_THUMBNAIL_SIDE pixels, so is its
    thumbnail made; 0 asks for none.
    """

    data: bytes | bytearray | memoryview | str
    is_base64: bool = False
    contrast: Contrast | None = None
    thumbnail_side: int = 0

    def to_json(self, timeout_s: float) -> dict[str, Any]:
        """What a worker is sent before the image."""
        asked: dict[str, Any] = {"is_base64": self.is_base64, "timeout_s": timeout_s}
        if self.contrast:
            asked["contrast"] = (self.contrast.target, self.contrast.other)
        if self.thumbnail_side:
            asked["thumbnail_side"] = self.thumbnail_side
        return asked


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the difference of two classes' logits comes from.

    Attributes:
        values: The heat map, row by row, of 1 to MAX_SIDE rows and columns, in logits.
        overlay: It, drawn over the picture: a PNG of OVERLAY_SIDE x OVERLAY_SIDE, in base64.
    """

    values: tuple[tuple[float, ...], ...]
    overlay: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture for people to look at: of its own shape, upright, on white.

    Attributes:
        width: Pixels; the longer of width and height is the side that was asked for.
        height: Likewise.
        pixels: uint8[height, width, 3], row by row.
    """

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class Scored:
    """One image's probabilities, in label order, and what was seen on the way.

    Attributes:
        scores: Sum to 1.
        format: A value of `Format`.
        width: Of the image as it came, pixels.
        height: Likewise.
        queue_s: Seconds until a worker had time for it.
        decode_s: Seconds of base64, header gate, decoding and resizing.
        score_s: Seconds of inference.
        features: What the model's head was given, little-endian float32, where the source says `embed`.
        explanation: Where the task has a contrast.
        thumbnail: Where the task has a thumbnail's side.
    """

    scores: tuple[float, ...]
    format: str
    width: int
    height: int
    queue_s: float
    decode_s: float
    score_s: float
    features: bytes = b""
    explanation: Explanation | None = None
    thumbnail: Thumbnail | None = None


def frame(document: dict[str, Any], follows_bytes: int = 0) -> bytes:
    """The beginning of a frame: all of it but the bytes that follow."""
    text = orjson.dumps(document)
    return PREFIX.pack(len(text), follows_bytes) + text


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame's object and bytes; None where the stream ends."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    json_bytes, follows_bytes = PREFIX.unpack(prefix)
    text, image = stream.read(json_bytes), stream.read(follows_bytes)
    if len(text) < json_bytes or len(image) < follows_bytes:
        return None
    return orjson.loads(text), image


def parse_reply(
    reply: bytes, classes: int, queue_s: float, *, explained: bool = False, thumbnail_side: int = 0
) -> Scored | ItemError:
    """What a worker's reply says.

    Args:
        reply: JSON.
        classes: Of the model.
        queue_s: Seconds until the worker had time.
        explained: Whether an explanation was asked for.
        thumbnail_side: Of the thumbnail that was asked for, pixels; 0: none was.

    Raises:
        ValueError: No sound worker says this.
    """
    document = orjson.loads(reply)  # its error is a ValueError
    match document:
        # No `str(kind)`: such a pattern raises and drops an AttributeError, and made this take 16 us, not 6.
        case {
            "scores": [*scores],
            "format": kind,
            "width": width,
            "height": height,
            "decode_s": decode_s,
            "score_s": score_s,
        } if (
            kind in _FORMATS
            and len(scores) == classes
            and _are(int, width, height)
            and _are_numbers(*scores, decode_s, score_s)
        ):
            features = _parse_features(document["features"]) if "features" in document else b""
            explanation = _parse_explanation(document.get("explanation")) if explained else None
            thumbnail = (
                _parse_thumbnail(document.get("thumbnail"), thumbnail_side) if thumbnail_side else None
            )
            return Scored(
                tuple(scores),
                kind,
                width,
                height,
                queue_s,
                decode_s,
                score_s,
                features,
                explanation,
                thumbnail,
            )
        case {"code": InternalError.code, "cause": str(cause)} if _CAUSE.fullmatch(cause):
            logger.error("an image could not be scored: %s", cause)
            return InternalError()
        case {"code": ImageTooManyPixels.code, "out_of_memory": True}:
            return ImageTooManyPixels(out_of_memory=True)
        case {"code": str(code), "message": str(message)}:
            return item_error(code, message[:MAX_REASON_CHARS])
    raise ValueError("not a reply")


def _parse_features(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("features are text")
    features = base64.b64decode(text, validate=True)
    if features and not np.isfinite(np.frombuffer(features, "<f4")).all():
        raise ValueError("a feature is a number")
    return features


def _parse_explanation(document: object) -> Explanation:
    match document:
        case {"values": [[*_] as first, *_] as rows, "overlay": str(overlay)} if (
            0 < len(rows) <= MAX_SIDE
            and 0 < len(first) <= MAX_SIDE
            and all(_are(list, row) and len(row) == len(first) and _are_numbers(*row) for row in rows)
        ):
            drawn = base64.b64decode(overlay, validate=True)
            if len(drawn) > MAX_OVERLAY_BYTES or not drawn.startswith(_PNG_SIGNATURE):
                raise ValueError("an overlay is a small PNG")
            return Explanation(tuple(map(tuple, rows)), overlay)
    raise ValueError("not an explanation")


def _parse_thumbnail(document: object, side: int) -> Thumbnail:
    match document:
        case {"width": width, "height": height, "pixels": str(text)} if (
            _are(int, width, height) and min(width, height) > 0 and max(width, height) == side
        ):
            pixels = base64.b64decode(text, validate=True)
            if len(pixels) == width * height * 3:
                return Thumbnail(width, height, pixels)
    raise ValueError("not a thumbnail")


def is_built(reply: bytes) -> bool:
    """Whether a worker has built what explains; the log knows why not.

    Raises:
        ValueError: No sound worker says this.
    """
    if orjson.loads(reply) == {"built": True}:
        return True
    parse_reply(reply, 0, 0.0)
    return False


def _are(kind: type, *values: object) -> bool:
    return set(map(type, values)) == {kind}


def _are_numbers(*values: Any) -> bool:
    return _are(float, *values) and all(map(math.isfinite, values))
