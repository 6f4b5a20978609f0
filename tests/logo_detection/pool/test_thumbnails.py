"""Thumbnails: a worker sends the pixels of a picture, and no file that somebody would have to decode."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from logo_detection.errors import ImageCorrupt
from logo_detection.pool.messages import (
    MAX_THUMBNAIL_SIDE,
    Scored,
    Task,
    Thumbnail,
    WorkerConfig,
    parse_reply,
)
from logo_detection.pool.pool import ScoringPool
from tests.images import one_colour
from tests.models import tiny_source

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="10">'
    b'<rect width="40" height="10" fill="lime"/></svg>'
)
GOOD_REPLY = {"scores": [0.5, 0.5], "format": "png", "width": 1, "height": 1, "decode_s": 0.1, "score_s": 0.1}
THUMBNAIL = {"width": 2, "height": 1, "pixels": base64.b64encode(b"abcdef").decode()}


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[ScoringPool]:
    async with ScoringPool(WorkerConfig(tiny_source(tmp_path)), workers=1) as entered:
        yield entered


async def thumbnail(pool: ScoringPool, data: bytes, side: int) -> Thumbnail:
    scored = await pool.score(Task(data, thumbnail_side=side), "flow")
    assert scored.thumbnail is not None
    return scored.thumbnail


async def test_a_picture_is_shown_in_its_own_shape(pool: ScoringPool) -> None:
    shown = await thumbnail(pool, one_colour("red", 40, 30), MAX_THUMBNAIL_SIDE)
    assert (shown.width, shown.height) == (512, 384)
    pixels = np.frombuffer(shown.pixels, np.uint8).reshape(384, 512, 3)
    assert (pixels == (255, 0, 0)).all()


async def test_a_drawing_is_shown_as_pixels(pool: ScoringPool) -> None:
    shown = await thumbnail(pool, SVG, 64)
    assert (shown.width, shown.height, shown.pixels[:3]) == (64, 16, b"\x00\xff\x00")


async def test_a_picture_is_scored_as_without_and_shown_only_where_it_is_asked_for(pool: ScoringPool) -> None:
    red = one_colour("red")
    shown = await pool.score(Task(red, thumbnail_side=16), "flow")
    plain = await pool.score(Task(red), "flow")
    assert plain.thumbnail is None
    assert shown.scores == plain.scores


async def test_what_is_no_picture_has_no_thumbnail(pool: ScoringPool) -> None:
    with pytest.raises(ImageCorrupt):
        await pool.score(Task(one_colour("red")[:60], thumbnail_side=16), "flow")


def test_a_good_thumbnail_is_understood() -> None:
    reply = json.dumps({**GOOD_REPLY, "thumbnail": THUMBNAIL}).encode()
    outcome = parse_reply(reply, 2, 0.0, thumbnail_side=2)
    assert isinstance(outcome, Scored)
    assert outcome.thumbnail == Thumbnail(2, 1, b"abcdef")


@pytest.mark.parametrize(
    "change",
    [
        {"width": 3},
        {"width": "2"},
        {"height": 0},
        {"height": True},
        {"pixels": None},
        {"pixels": "<script>"},
        {"pixels": base64.b64encode(b"abcde").decode()},
    ],
)
def test_a_thumbnail_with_one_thing_wrong_is_malformed(change: dict[str, object]) -> None:
    reply = json.dumps({**GOOD_REPLY, "thumbnail": {**THUMBNAIL, **change}}).encode()
    with pytest.raises(ValueError, match=r"thumbnail|base64|ASCII|[Nn]on-|only|valid"):
        parse_reply(reply, 2, 0.0, thumbnail_side=2)


def test_a_reply_without_the_thumbnail_that_was_asked_for_is_malformed() -> None:
    with pytest.raises(ValueError, match="not a thumbnail"):
        parse_reply(json.dumps(GOOD_REPLY).encode(), 2, 0.0, thumbnail_side=2)
