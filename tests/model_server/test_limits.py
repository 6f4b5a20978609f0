import json
from dataclasses import replace

import pytest

from model_server.limits import Limits

DEFAULT = Limits(images_max_num=50, image_max_bytes=4 << 20, body_max_bytes=64 << 20)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (DEFAULT, "; of inline images fit 11 of 4,194,304 bytes or 50 of 1,006,482 bytes"),
        (replace(DEFAULT, body_max_bytes=300 << 20), "; of inline images fit 50 of 4,194,304 bytes"),
        (replace(DEFAULT, images_max_num=3), "; of inline images fit 3 of 4,194,304 bytes"),
        (Limits(1, 4 << 20, 10**6), "; of inline images fit 1 of 749,850 bytes"),
        (Limits(50, 4 << 20, 100), ""),
    ],
)
def test_a_body_that_is_too_large_is_told_what_fits(limits: Limits, said: str) -> None:
    assert limits.describe_body_limit() == f"the body has more than {limits.body_max_bytes:,} bytes{said}"


@pytest.mark.parametrize(("count", "size"), [(11, 4_194_304), (50, 1_006_482)])
def test_what_is_said_to_fit_does(count: int, size: int) -> None:
    def body_bytes(count: int) -> int:
        text = "A" * (-(-size // 3) * 4)
        item = {"filename": "Coat of arms of somewhere.png", "target": "logo", "image": text}
        return len(json.dumps({"instances": [item] * count, "debug": False}))

    assert body_bytes(count) <= DEFAULT.body_max_bytes < body_bytes(count + 1)
