"""Explanations by a real server with a small model: the contract of `:predict`, and a map of each score."""

import base64
import io
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.harness.footprint import worker_ids
from tests.harness.origins import Origin
from tests.harness.process import until
from tests.harness.requests import by_url, codes, inline, predictions
from tests.harness.server import EXPLAIN, RunningServer
from tests.images import png
from tests.model_server.conftest import Files, Start

pytestmark = pytest.mark.filterwarnings("error")

SECRET = "secret-of-the-caller"
CREDENTIALS = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}", "X-Other": SECRET}

CRAMPED = {"QUEUE_MAX_IMAGES": 10, "IMAGES_MAX_NUM": 10, "DECODE_TIMEOUT_S": 60, "REQUEST_TIMEOUT_S": 120}
"""Room for ten images at once, and time for a slow machine."""


def values_of(explained: dict[str, Any]) -> np.ndarray:
    heat_map = explained["heat_map"]
    values = np.array(heat_map["values"])
    assert values.shape == (heat_map["height"], heat_map["width"])
    return values


def overlay_of(explained: dict[str, Any]) -> np.ndarray:
    data = base64.b64decode(explained["overlay"], validate=True)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("PNG", (224, 224))
        return np.asarray(image.convert("RGB")).astype(int)


class TestAnswer:
    def test_an_explained_file_has_exactly_these_fields(self, server: RunningServer, files: Files) -> None:
        response = server.explain({"instances": [inline(files.red, "red.png")]})
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        document = response.json()
        assert document.keys() == {"predictions", "latency"}
        (explained,) = document["predictions"]
        assert explained.keys() == {
            "filename", "target", "prediction", "out_of_domain", "heat_map", "overlay",
        }  # fmt: skip
        assert explained["heat_map"].keys() == {"width", "height", "values"}
        overlay_of(explained)

    def test_its_score_is_that_of_a_prediction(self, server: RunningServer, files: Files) -> None:
        body = {
            "instances": [inline(files.red), inline(files.grey), inline(files.blue)],
            "all_scores": True,
            "debug": True,
        }
        for plain, explained in zip(
            predictions(server.predict(body)), predictions(server.explain(body)), strict=True
        ):
            assert explained.keys() - plain.keys() == {"heat_map", "overlay"}
            assert explained["latency"].keys() == plain["latency"].keys()
            for name in plain.keys() - {"latency"}:
                assert explained[name] == plain[name]

    def test_a_map_adds_up_to_the_score_and_says_where(self, server: RunningServer) -> None:
        picture = Image.new("RGB", (224, 224), "black")
        picture.paste("red", (128, 0, 224, 224))
        picture.paste("blue", (0, 128, 96, 224))
        (explained,) = predictions(server.explain([inline(png(picture))]))
        values = values_of(explained)
        assert values[:, 4:].ravel().tolist() == pytest.approx([4] * 21)
        assert values[4:, :3].ravel().tolist() == pytest.approx([-4] * 9)
        assert np.log(explained["prediction"] / explained["out_of_domain"]) == pytest.approx(
            values.mean(), abs=1e-3
        )
        red, green, blue = np.moveaxis(overlay_of(explained), -1, 0)
        assert (red[:, 160:] > blue[:, 160:]).all()
        assert (blue[160:, :64] > red[160:, :64]).all()
        assert (red[:64, :64] == green[:64, :64]).all()

    def test_a_damaged_file_costs_itself_alone(self, server: RunningServer, files: Files) -> None:
        response = server.explain(
            [inline(files.red), inline(files.red[:60]), inline(b""), inline(files.blue)]
        )
        assert response.status_code == 200
        assert codes(response) == [None, "image_corrupt", "image_corrupt", None]
        good, bad = predictions(response)[0], predictions(response)[1]
        assert bad.keys() == {"filename", "target", "error"}
        assert values_of(good).mean() > 3

    def test_nothing_scored_is_422(self, server: RunningServer) -> None:
        response = server.explain([inline(b"x")])
        assert (response.status_code, codes(response)) == (422, ["image_unsupported"])

    def test_a_file_may_be_elsewhere(self, start: Start, origin: Origin, files: Files) -> None:
        origin.serve("/red.png", files.red)
        offline = {"ALLOWED_HOSTS": "a.test", "ORIGIN_OVERRIDES": f"a.test={origin.url}"}
        with start(**offline) as server:
            response = server.explain([by_url("https://a.test/red.png"), by_url("https://b.test/red.png")])
            assert codes(response) == [None, "url_not_allowed"]
            assert values_of(predictions(response)[0]).mean() > 3

    def test_nothing_of_the_request_s_headers_comes_back(self, server: RunningServer, files: Files) -> None:
        bodies: list[Any] = [[inline(files.red)], [inline(b"x")], [], {}]
        for body in bodies:
            response = server.explain(body, headers=CREDENTIALS)
            assert SECRET not in response.text
            assert SECRET not in str(response.headers)
            assert response.headers.keys() == server.predict(body).headers.keys()


class TestRefusals:
    def test_eight_items_are_the_most(self, server: RunningServer, files: Files) -> None:
        assert codes(server.explain([inline(files.red)] * 8)) == [None] * 8
        response = server.explain([inline(files.red)] * 9)
        assert response.status_code == 400
        assert response.json() == {"error": "instances: must have 1 to 8 items, not 9"}

    def test_fewer_than_eight_are_the_most_where_predictions_have_fewer(
        self, start: Start, files: Files
    ) -> None:
        with start(IMAGES_MAX_NUM=2) as server:
            assert server.explain([inline(files.red)] * 2).status_code == 200
            assert server.explain([inline(files.red)] * 3).status_code == 400

    @pytest.mark.parametrize("target", ["out_of_domain", "cat"])
    def test_the_shape_is_that_of_a_prediction(
        self, server: RunningServer, files: Files, target: str
    ) -> None:
        body = [inline(files.red, target=target)]
        assert server.explain(body).status_code == 400
        assert server.explain(body).json() == server.predict(body).json()

    def test_a_model_that_cannot_be_explained_says_so_and_predicts(
        self, start: Start, nan_artifact: Path, files: Files
    ) -> None:
        with start(MODEL_PATH=nan_artifact) as server:
            response = server.explain([inline(files.red)])
            assert response.status_code == 400
            assert response.json() == {
                "error": "this model cannot be explained: it does not end in a global average pooling and"
                " one dense layer"
            }
            assert server.predict([inline(files.red)]).status_code == 200
            assert server.metric("logo_refusals_total", reason="not_explainable") == 1

    def test_another_model_is_404(self, server: RunningServer, files: Files) -> None:
        response = httpx.post(
            server.url + EXPLAIN.replace("logo-detection", "other"), json=[inline(files.red)]
        )
        assert response.status_code == 404
        assert response.json() == {"error": "Model with name other does not exist."}


class TestService:
    def test_explanations_are_counted_and_logged_as_predictions_are(self, start: Start, files: Files) -> None:
        with start() as server:
            assert server.explain([inline(files.red)] * 3 + [inline(b"x")]).status_code == 200
            assert server.metric("logo_items_total", outcome="scored", source="inline") == 3
            assert server.metric("request_explain_seconds_count") == 1  # KServe's own
            os.killpg(server.process.pid, signal.SIGTERM)
            assert server.process.wait(timeout=20) == 0
            (line,) = [line for line in server.stderr().splitlines() if "items=scored:3" in line]
        assert f"POST {EXPLAIN}" in line
        assert "status=200" in line

    def test_a_callers_time_is_kept_while_what_explains_is_built(self, start: Start, files: Files) -> None:
        with start() as server:
            response = server.explain([inline(files.red)], headers={"x-envoy-expected-rq-timeout-ms": "55"})
            assert (response.status_code, codes(response)) == (504, ["deadline_exceeded"])
            assert codes(server.explain([inline(files.red)])) == [None]
            assert server.metric("logo_worker_restarts_total") == 0


class TestOverload:
    def test_explanations_and_predictions_are_admitted_to_one_queue(self, start: Start, files: Files) -> None:
        red, blue = inline(files.red), inline(files.blue)
        with start(**CRAMPED) as server, ThreadPoolExecutor() as callers:
            expected = predictions(server.predict([red, blue]))
            (worker,) = worker_ids(server.process.pid)
            os.kill(worker, signal.SIGSTOP)
            explaining = callers.submit(server.explain, [red] * 8)
            predicting = callers.submit(server.predict, [red, blue])
            until(lambda: server.metric("logo_in_flight_images") == 10)
            for ask in (server.predict, server.explain):
                refused = ask([red])
                assert refused.status_code == 503
                assert 1 <= int(refused.headers["retry-after"]) <= 3
                assert refused.headers["x-envoy-ratelimited"] == "true"
                assert refused.json().keys() == {"error"}
            os.kill(worker, signal.SIGCONT)
            assert predictions(predicting.result()) == expected
            assert codes(explaining.result()) == [None] * 8
            assert server.metric("logo_refusals_total", reason="overloaded") == 2
            until(lambda: server.metric("logo_in_flight_images") == 0)

    def test_predictions_stay_what_they_are_beside_more_explanations_than_fit(
        self, start: Start, files: Files
    ) -> None:
        asked = [inline(files.red), inline(files.grey), inline(files.blue)]
        with start(**CRAMPED) as server, ThreadPoolExecutor(max_workers=8) as callers:
            expected = predictions(server.predict(asked))
            explained = predictions(server.explain(asked))
            explaining = [callers.submit(server.explain, asked * 2) for _ in range(24)]
            predicting = [callers.submit(server.predict, asked) for _ in range(24)]
            answers = [future.result() for future in predicting]
            explanations = [future.result() for future in explaining]
            answers.append(server.predict(asked))
            assert answers[-1].status_code == 200
            assert server.metric("logo_worker_restarts_total") == 0
        for answer in (*answers, *explanations):
            assert answer.status_code == 200 or "retry-after" in answer.headers
            assert answer.status_code in (200, 503)
        assert all(predictions(answer) == expected for answer in answers if answer.status_code == 200)
        scored = [predictions(answer) for answer in explanations if answer.status_code == 200]
        assert scored
        assert all(each == explained * 2 for each in scored)
