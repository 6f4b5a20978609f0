from http import HTTPStatus
from typing import Any

import pytest

from logo_detection.errors import DeadlineExceeded, ImageCorrupt, InternalError, ItemError
from model_server.answers import measure_latency, render_response
from model_server.schema import Inline, Item, ItemResult, PredictRequest, Score, Timing

LABELS = ("out_of_domain", "logo", "flag")
REQUEST = PredictRequest(())


def result(outcome: Score | ItemError, timing: Timing) -> ItemResult:
    return ItemResult(Item("a", "logo", Inline("")), outcome, timing)


def test_latency_is_the_longest_of_each_stage() -> None:
    score = Score(0.123456, 0.876544, (0.876544, 0.123456, 0.0), "png", 3, 2)
    results = [
        result(score, Timing(fetch_s=0.5, queue_s=0.1, decode_s=0.1, score_s=0.2)),
        result(score, Timing(fetch_s=0.0, queue_s=0.5, decode_s=0.2, score_s=0.1)),
        result(ImageCorrupt(), Timing(fetch_s=0.7)),
    ]
    status, document = render_response(results, measure_latency(results, 1.5), REQUEST, LABELS)
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
    results = [result(error, Timing())]
    _, document = render_response(results, measure_latency(results, 0.1), REQUEST, LABELS)
    assert document["error"] == f"no file could be scored ({error.code}); see predictions"
    (prediction,) = document["predictions"]
    assert prediction == {
        "filename": "a",
        "target": "logo",
        "error": {"code": error.code, "message": error.message},
    }


def test_all_scores_are_by_label_and_belong_to_scored_files_alone() -> None:
    results = [
        result(Score(0.2, 0.7, (0.7, 0.2, 0.1), "png", 3, 2), Timing()),
        result(ImageCorrupt(), Timing()),
    ]
    request = PredictRequest((), all_scores=True)
    _, document = render_response(results, measure_latency(results, 0.1), request, LABELS)
    scored, failed = document["predictions"]
    assert scored.get("scores") == {"out_of_domain": 0.7, "logo": 0.2, "flag": 0.1}
    assert "scores" not in failed
