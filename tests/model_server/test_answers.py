from http import HTTPStatus
from typing import Any

import pytest

from logo_detection.errors import DeadlineExceeded, ImageCorrupt, InternalError, ItemError
from model_server.answers import render_response
from model_server.schema import Inline, Item, ItemResult, Score, Timing


def result(outcome: Score | ItemError, timing: Timing) -> ItemResult:
    return ItemResult(Item("a", "logo", Inline("")), outcome, timing)


def test_latency_is_the_longest_of_each_stage() -> None:
    score = Score(0.123456, 0.876544, "png", 3, 2)
    results = [
        result(score, Timing(fetch_s=0.5, queue_s=0.1, decode_s=0.1, score_s=0.2)),
        result(score, Timing(fetch_s=0.0, queue_s=0.5, decode_s=0.2, score_s=0.1)),
        result(ImageCorrupt(), Timing(fetch_s=0.7)),
    ]
    status, document = render_response(results, total_s=1.5, debug=False)
    assert status == HTTPStatus.OK
    assert document["latency"] == {"preprocess (s)": 0.7, "predict (s)": 0.6, "total (s)": 1.5}
    assert document["predictions"][0] == {
        "filename": "a",
        "target": "logo",
        "prediction": 0.1235,
        "out_of_domain": 0.8765,
    }


@pytest.mark.parametrize("error", [DeadlineExceeded(), InternalError(), ImageCorrupt()])
def test_an_unscored_request_says_so_and_keeps_its_predictions(error: ItemError) -> None:
    document: Any
    _, document = render_response([result(error, Timing())], total_s=0.1, debug=False)
    assert document["error"] == f"no file could be scored ({error.code}); see predictions"
    (prediction,) = document["predictions"]
    assert prediction == {
        "filename": "a",
        "target": "logo",
        "error": {"code": error.code, "message": error.message},
    }
