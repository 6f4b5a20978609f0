"""The HTTP contract, line by line, against a real server process with a small model."""

import base64
import json
import os
import signal
import time
from typing import Any

import httpx
import pytest

from tests import images
from tests.harness.footprint import footprint, forget_peak, peak_bytes
from tests.harness.origins import Origin
from tests.harness.requests import by_url, codes, inline, predictions
from tests.harness.server import PREDICT, RunningServer
from tests.harness.timing import within
from tests.model_server.conftest import Files, Start

pytestmark = pytest.mark.filterwarnings("error")


class TestAnswer:
    def test_a_scored_file_has_exactly_these_fields(self, server: RunningServer, files: Files) -> None:
        response = server.predict({"instances": [inline(files.red, "red.png")]})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        document = response.json()
        assert document.keys() == {"predictions", "latency"}
        assert document["latency"].keys() == {"preprocess (s)", "predict (s)", "total (s)"}
        (prediction,) = document["predictions"]
        assert prediction.keys() == {"filename", "target", "prediction", "out_of_domain"}
        assert (prediction["filename"], prediction["target"]) == ("red.png", "logo")
        assert prediction["prediction"] + prediction["out_of_domain"] == pytest.approx(1, abs=2e-4)

    def test_scores_have_four_decimals(self, server: RunningServer, files: Files) -> None:
        answered = predictions(server.predict([inline(files.red), inline(files.grey), inline(files.blue)]))
        for prediction in answered:
            for score in (prediction["prediction"], prediction["out_of_domain"]):
                assert 0 < score < 1
                assert score == round(score, 4)

    def test_a_bare_list_is_answered_like_the_envelope(self, server: RunningServer, files: Files) -> None:
        item = inline(files.blue)
        assert predictions(server.predict([item])) == predictions(server.predict({"instances": [item]}))

    def test_the_latency_covers_the_stages_and_the_whole(self, server: RunningServer, files: Files) -> None:
        latency = server.predict([inline(files.red)]).json()["latency"]
        assert 0 < latency["preprocess (s)"] <= latency["total (s)"]
        assert 0 < latency["predict (s)"] <= latency["total (s)"]
        assert latency["total (s)"] < 10

    def test_answers_come_in_input_order(self, server: RunningServer, files: Files) -> None:
        colours = [files.red, files.grey, files.blue]
        alone = [predictions(server.predict([inline(colour)]))[0]["prediction"] for colour in colours]
        assert len(set(alone)) == 3
        for order in ([2, 0, 1], [1, 0, 2], [0, 2, 1]):
            names = [f"{'zam'[index]}.png" for index in order]
            body = [inline(colours[index], name) for index, name in zip(order, names, strict=True)]
            answered = predictions(server.predict(body))
            assert [prediction["filename"] for prediction in answered] == names
            assert [prediction["prediction"] for prediction in answered] == [alone[index] for index in order]

    def test_duplicate_filenames_stay_apart(self, server: RunningServer, files: Files) -> None:
        first, second = predictions(server.predict([inline(files.red, "x.png"), inline(files.blue, "x.png")]))
        assert first["filename"] == second["filename"] == "x.png"
        assert first["prediction"] != second["prediction"]

    def test_fifty_files_are_answered(self, server: RunningServer, files: Files) -> None:
        response = server.predict([inline(files.red, f"{index}.png") for index in range(50)])
        assert response.status_code == 200
        assert [prediction["filename"] for prediction in predictions(response)] == [
            f"{index}.png" for index in range(50)
        ]

    def test_one_corrupt_image_leaves_49_scores(self, server: RunningServer, files: Files) -> None:
        body = [inline(files.red, f"{index}.png") for index in range(50)]
        clean = predictions(server.predict(body))
        body[17] = inline(files.red[:60], "17.png")
        response = server.predict(body)
        assert response.status_code == 200
        mixed = predictions(response)
        assert mixed[17]["error"]["code"] == "image_corrupt"
        assert mixed[:17] + mixed[18:] == clean[:17] + clean[18:]

    def test_debug_adds_each_files_latency_format_and_size(self, server: RunningServer, files: Files) -> None:
        body = {"instances": [inline(files.red), inline(b"nothing")], "debug": True}
        good, bad = predictions(server.predict(body))
        stages = {"fetch (s)", "queue (s)", "decode (s)", "score (s)"}
        assert good["latency"].keys() == bad["latency"].keys() == stages
        assert good["latency"]["decode (s)"] > 0
        assert good["latency"]["score (s)"] > 0
        assert (good["format"], good["width"], good["height"]) == ("png", 40, 30)

    def test_debug_false_adds_nothing(self, server: RunningServer, files: Files) -> None:
        (prediction,) = predictions(server.predict({"instances": [inline(files.red)], "debug": False}))
        assert "latency" not in prediction

    def test_all_scores_adds_the_score_of_every_class(self, server: RunningServer, files: Files) -> None:
        body = {"instances": [inline(files.red), inline(b"nothing")], "all_scores": True}
        scored, failed = predictions(server.predict(body))
        assert scored["scores"] == {
            "out_of_domain": scored["out_of_domain"],
            "logo": scored["prediction"],
        }
        assert "scores" not in failed

    @pytest.mark.parametrize("value", [False, None])
    def test_all_scores_of_false_or_null_adds_nothing(
        self, server: RunningServer, files: Files, value: bool | None
    ) -> None:
        (prediction,) = predictions(server.predict({"instances": [inline(files.red)], "all_scores": value}))
        assert "scores" not in prediction

    def test_unknown_keys_are_ignored(self, server: RunningServer, files: Files) -> None:
        body = {"instances": [inline(files.red, extra={"a": [1]})], "parameters": {}, "id": "7"}
        assert server.predict(body).status_code == 200


class TestContentType:
    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "application/json; charset=utf-8",
            "APPLICATION/JSON;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/octet-stream",
            "application/cloudevents+json",
            "multipart/form-data; boundary=x",
            "",
        ],
    )
    def test_json_is_accepted_whatever_the_content_type_says(
        self, server: RunningServer, files: Files, content_type: str
    ) -> None:
        body = json.dumps({"instances": [inline(files.red)]}).encode()
        response = server.post(body, headers={"content-type": content_type})
        assert response.status_code == 200, response.text
        assert predictions(response)[0]["prediction"] > 0

    def test_a_missing_content_type_is_accepted(self, server: RunningServer, files: Files) -> None:
        response = server.post(json.dumps([inline(files.red)]).encode())
        assert "content-type" not in response.request.headers
        assert response.status_code == 200

    def test_a_byte_order_mark_is_no_part_of_the_json(self, server: RunningServer, files: Files) -> None:
        body = b"\xef\xbb\xbf" + json.dumps([inline(files.red)]).encode()
        assert server.post(body).status_code == 200

    def test_cloud_event_headers_change_nothing(self, server: RunningServer, files: Files) -> None:
        headers = {f"ce-{name}": "1.0" for name in ("id", "source", "specversion", "type")}
        assert server.predict([inline(files.red)], headers=headers).status_code == 200


MALFORMED: list[tuple[bytes, str]] = [
    (b"", "the body is empty"),
    (b"{", "the body is not JSON"),
    (b"not json", "the body is not JSON"),
    (b"null", "the body must be an object"),
    (b"7", "the body must be an object"),
    (b'"text"', "the body must be an object"),
    (b"{}", "instances: is missing"),
    (b'{"instances": null}', "instances: is missing"),
    (b'{"instances": {}}', "instances: must be a list"),
    (b'{"instances": {"a": 1}}', "instances: must be a list"),
    (b'{"instances": "ab"}', "instances: must be a list"),
    (b'{"instances": []}', "instances: must have 1 to 50 items, not 0"),
    (b"[]", "instances: must have 1 to 50 items, not 0"),
    (b"[5]", "instances[0]: must be an object"),
    (b'{"instances": [null]}', "instances[0]: must be an object"),
    (b"[[]]", "instances[0]: must be an object"),
    (b"\xff\xfe\x00", "the body is not JSON"),
    (b'[{"filename": "\xff", "image": "", "target": "logo"}]', "the body is not JSON"),
    (b'[{"filename": "\\ud800", "image": "", "target": "logo"}]', "the body is not JSON"),
    (b"[NaN]", "the body is not JSON"),
    (b"[" * 50_000 + b"]" * 50_000, "the body is not JSON"),
    (b'{"instances":' * 50_000, "the body is not JSON"),
    (b'[{"image": "", "target": "logo"}]', "instances[0].filename: is missing"),
    (b'[{"filename": "a", "image": ""}]', "instances[0].target: is missing"),
    (b'[{"filename": "a", "target": "logo"}]', "instances[0]: url or image is missing"),
    (b'[{"filename": "a", "target": "logo", "url": "u", "image": ""}]', "url and image exclude each other"),
    (b'[{"filename": 5, "image": "", "target": "logo"}]', "instances[0].filename: must be a string"),
    (b'[{"filename": null, "image": "", "target": "logo"}]', "instances[0].filename: must be a string"),
    (b'[{"filename": "", "image": "", "target": "logo"}]', "instances[0].filename: must not be empty"),
    (b'[{"filename": "a", "image": 1, "target": "logo"}]', "instances[0].image: must be a string"),
    (b'[{"filename": "a", "image": null, "target": "logo"}]', "instances[0]: url or image is missing"),
    (
        b'[{"filename": "a", "image": null, "url": null, "target": "logo"}]',
        "instances[0]: url or image is missing",
    ),
    (b'[{"filename": "a", "image": 1, "target": "logo"}]', "instances[0].image: must be a string"),
    (b'[{"filename": "a", "image": null, "url": 1, "target": "logo"}]', "instances[0].url: must be a string"),
    (b'[{"filename": "a", "url": ["x"], "target": "logo"}]', "instances[0].url: must be a string"),
    (b'[{"filename": "a", "image": "", "target": true}]', "instances[0].target: must be a string"),
    (b'[{"filename": "a", "image": "", "target": "banana"}]', "instances[0].target: must be one of: logo"),
    (b'[{"filename": "a", "image": "", "target": "out_of_domain"}]', "instances[0].target: must be one of"),
    (b'{"instances": [], "debug": "yes"}', "debug: must be true or false"),
    (b'{"instances": [], "debug": null}', "instances: must have 1 to 50 items, not 0"),
    (b'{"instances": [], "debug": 0}', "debug: must be true or false"),
    (b'{"instances": [], "debug": 1}', "debug: must be true or false"),
    (b'{"instances": [], "all_scores": "yes"}', "all_scores: must be true or false"),
    (b'{"instances": [], "all_scores": 1}', "all_scores: must be true or false"),
]


NULLS: tuple[dict[str, None], ...] = (
    {},
    {"url": None},
    {"image": None},
    {"unknown": None},
    {"url": None, "unknown": None},
)


class TestNull:
    @pytest.mark.parametrize("nulls", NULLS)
    def test_null_is_the_same_as_absent(
        self, server: RunningServer, files: Files, nulls: dict[str, None]
    ) -> None:
        item = {**nulls, **inline(files.red)}
        for body in ([item], {"instances": [item], "debug": None}):
            response = server.predict(body)
            assert response.status_code == 200
            (prediction,) = response.json()["predictions"]
            assert prediction.keys() == {"filename", "target", "prediction", "out_of_domain"}

    def test_a_url_beside_an_image_of_null_is_fetched(self, server: RunningServer) -> None:
        response = server.predict([{**by_url("https://nowhere.test/"), "image": None}])
        assert response.json()["predictions"][0]["error"]["code"] == "url_not_allowed"


class TestEncoded:
    @pytest.mark.parametrize(
        "headers",
        [
            {"content-encoding": "gzip"},
            {"content-encoding": "identity, br"},
            {"content-encoding": "nonsense"},
        ],
    )
    def test_a_compressed_body_is_refused_with_415(
        self, server: RunningServer, files: Files, headers: dict[str, str]
    ) -> None:
        body = json.dumps([inline(files.red)]).encode()
        response = server.post(body, headers=headers)
        assert response.status_code == 415
        (name,) = headers
        assert response.json() == {
            "error": f"{name.title()}: a compressed body is not read; send it as it is"
        }
        assert response.headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("value", ["identity", "Identity", ""])
    def test_a_body_as_it_is_may_say_so(self, server: RunningServer, files: Files, value: str) -> None:
        body = json.dumps([inline(files.red)]).encode()
        assert server.post(body, headers={"content-encoding": value}).status_code == 200


class TestMalformed:
    @pytest.mark.parametrize(
        ("body", "message"), MALFORMED, ids=[body[:40].decode("latin-1") for body, _ in MALFORMED]
    )
    def test_a_malformed_body_is_refused_and_says_why(
        self, server: RunningServer, body: bytes, message: str
    ) -> None:
        response = server.post(body, headers={"content-type": "application/json"})
        assert response.status_code == 400, response.text
        assert response.json().keys() == {"error"}
        assert message in response.json()["error"]

    @pytest.mark.parametrize("value", [b"[],", b'{"a":0},', b"1.5,"])
    def test_a_body_of_countless_values_is_refused_and_makes_none_of_them(
        self, server: RunningServer, value: bytes
    ) -> None:
        body = b"[" + value * (24 * 2**20 // len(value)) + b"0]"
        before = footprint(server.process.pid).rss
        forget_peak(server.process.pid)
        response = server.post(body)
        assert response.status_code == 400
        assert response.json() == {"error": "the body has more than 100,000 commas and opening brackets"}
        assert peak_bytes(server.process.pid) - before < 3 * len(body)

    def test_51_items_are_refused(self, server: RunningServer, files: Files) -> None:
        response = server.predict([inline(files.red)] * 51)
        assert response.status_code == 400
        assert response.json()["error"] == "instances: must have 1 to 50 items, not 51"

    def test_a_filename_of_1024_characters_is_echoed_and_1025_are_refused(
        self, server: RunningServer, files: Files
    ) -> None:
        assert predictions(server.predict([inline(files.red, "ü" * 1024)]))[0]["filename"] == "ü" * 1024
        response = server.predict([inline(files.red), inline(files.red, "ü" * 1025)])
        assert response.status_code == 400
        assert response.json()["error"] == "instances[1].filename: is too long (at most 1024 characters)"

    def test_every_wrong_item_is_named(self, server: RunningServer, files: Files) -> None:
        body = [inline(files.red), inline(files.red, target="x"), {"filename": "c", "target": "logo"}]
        error = server.predict(body).json()["error"]
        assert error == "instances[1].target: must be one of: logo; instances[2]: url or image is missing"


class TestItems:
    def test_an_unreadable_file_costs_itself_alone(self, server: RunningServer, files: Files) -> None:
        too_large = inline(files.red + bytes(4 * 2**20))
        body = [
            inline(files.red),
            inline(b"") | {"image": "%%%%"},
            too_large,
            inline(b"plain text"),
            inline(b"%PDF-1.7\n"),
            inline(files.red[:60]),
            inline(b""),
            inline(files.red) | {"image": "data:image/png;base64," + base64.b64encode(files.red).decode()},
            by_url("http://169.254.169.254/latest/meta-data"),
            by_url("https://evil.example/x.png"),
            by_url("file:///etc/passwd"),
            by_url(""),
        ]
        response = server.predict(body)
        assert response.status_code == 200
        assert codes(response) == [
            None,
            "image_corrupt",
            "image_too_large",
            "image_unsupported",
            "image_unsupported",
            "image_corrupt",
            "image_corrupt",
            "image_corrupt",
            "url_not_allowed",
            "url_not_allowed",
            "url_not_allowed",
            "url_not_allowed",
        ]
        messages = {prediction["error"]["message"] for prediction in predictions(response)[8:]}
        assert len(messages) == 1, "the refusal of a url must not say what is wrong with it"

    def test_an_inline_image_may_have_exactly_image_max_size(
        self, server: RunningServer, files: Files
    ) -> None:
        largest = files.red + bytes(4 * 2**20 - len(files.red))  # trailing bytes are no fault of a PNG
        assert codes(server.predict([inline(largest)])) == [None]
        assert codes(server.predict([inline(largest + b"\0")])) == ["image_too_large"]
        wrapped = inline(largest) | {"image": base64.encodebytes(largest).decode()}
        assert codes(server.predict([wrapped])) == [None]

    def test_base64_may_be_wrapped_in_lines(self, server: RunningServer, files: Files) -> None:
        wrapped = base64.encodebytes(files.red).decode()
        assert "\n" in wrapped.strip()
        assert codes(server.predict([inline(files.red) | {"image": wrapped}])) == [None]

    def test_the_format_is_found_in_the_content(self, server: RunningServer, files: Files) -> None:
        names = ["a.png", "Foo.svg", "a.tiff", "a.xcf", "a.djvu", "no extension", "a.jpg.exe"]
        answered = predictions(server.predict([inline(files.red, name) for name in names]))
        assert [prediction["filename"] for prediction in answered] == names
        assert len({prediction["prediction"] for prediction in answered}) == 1

    @pytest.mark.parametrize(
        "filename",
        [
            "../x.png",
            "/etc/passwd",
            "a/b.png",
            "C:\\x.png",
            "a\x00b.png",
            "<script>",
            "x" * 300,
            "\u202egnp.a",
            "💥",
            " ",
        ],
    )
    def test_a_hostile_filename_is_echoed_and_nothing_else(
        self, server: RunningServer, files: Files, filename: str
    ) -> None:
        (prediction,) = predictions(server.predict([inline(files.red, filename)]))
        assert prediction["filename"] == filename
        assert "prediction" in prediction

    def test_url_and_inline_items_mix_and_score_the_same(
        self, start: Start, origin: Origin, files: Files
    ) -> None:
        with start(ALLOWED_HOSTS="origin.test", ORIGIN_OVERRIDES=f"origin.test={origin.url}") as server:
            origin.serve("/red.png", files.red)
            body = {
                "instances": [
                    by_url("https://origin.test/red.png", "u"),
                    inline(files.red, "i"),
                    by_url("https://origin.test/missing.png", "m"),
                ],
                "debug": True,
            }
            response = server.predict(body)
        assert response.status_code == 200
        assert codes(response) == [None, None, "fetch_failed"]
        url, image, _ = predictions(response)
        assert url["prediction"] == image["prediction"]
        assert url["latency"]["fetch (s)"] > 0


class TestEveryCode:
    """Each code of the closed list, as a caller gets it; those above are not repeated."""

    def test_an_origin_costs_its_own_files_alone(
        self, start: Start, slow_origin: Origin, files: Files
    ) -> None:
        slow_origin.serve("/red.png", files.red)
        slow_origin.serve("/large.png", files.red + bytes(2_000_000))
        slow_origin.serve("/broken.png", files.red[:60])
        settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
        with start(**settings, FETCH_TIMEOUT_S=0.5, FETCH_MAX_SIZE=2_000_000) as server:
            paths = ["red.png", "missing.png", "slow", "large.png", "broken.png"]
            response = server.predict([by_url(f"https://origin.test/{path}") for path in paths])
        assert response.status_code == 200
        assert codes(response) == [
            None,
            "fetch_failed",
            "fetch_timeout",
            "fetch_too_large",
            "image_corrupt",
        ]

    def test_an_image_of_too_many_pixels_is_refused(self, server: RunningServer, files: Files) -> None:
        response = server.predict([inline(images.png_bomb()), inline(files.red)])
        assert codes(response) == ["image_too_many_pixels", None]

    def test_an_image_that_takes_too_long_costs_itself_alone(self, start: Start, files: Files) -> None:
        with start(DECODE_TIMEOUT_S=0.3) as server:
            began = time.monotonic()
            response = server.predict([inline(files.red), inline(SLOW_SVG), inline(files.red)])
            assert time.monotonic() - began < 10
        assert codes(response) == [None, "image_timeout", None]
        assert response.json()["latency"]["preprocess (s)"] >= 0.3


SLOW_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"><filter id="f">'
    + b'<feGaussianBlur stdDeviation="90"/><feTurbulence baseFrequency=".3" numOctaves="9"/>' * 300
    + b'</filter><rect width="900" height="900" filter="url(#f)"/></svg>'
)


class TestStatus:
    def test_422_when_no_file_was_scored(self, server: RunningServer) -> None:
        response = server.predict([inline(b"x"), by_url("https://evil.example/x.png")])
        assert response.status_code == 422
        document = response.json()
        assert document.keys() == {"error", "predictions", "latency"}
        assert (
            document["error"]
            == "no file could be scored (image_unsupported, url_not_allowed); see predictions"
        )
        assert codes(response) == ["image_unsupported", "url_not_allowed"]

    def test_504_when_all_ran_out_of_the_requests_time(self, start: Start, slow_origin: Origin) -> None:
        settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
        with start(**settings, REQUEST_TIMEOUT_S=0.4) as server:
            for stopwatch in within(3.0):
                with stopwatch:
                    response = server.predict([by_url("https://origin.test/slow")] * 3)
        assert response.status_code == 504
        assert codes(response) == ["deadline_exceeded"] * 3
        assert response.json()["latency"]["preprocess (s)"] > 0.35

    def test_unfinished_items_come_back_beside_finished_ones(
        self, start: Start, slow_origin: Origin, files: Files
    ) -> None:
        settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
        with start(**settings, REQUEST_TIMEOUT_S=2) as server:
            response = server.predict([by_url("https://origin.test/slow"), inline(files.red)])
        assert response.status_code == 200
        assert codes(response) == ["deadline_exceeded", None]

    def test_500_when_all_are_our_fault(self, start: Start, nan_artifact: str, files: Files) -> None:
        with start(MODEL_PATH=nan_artifact) as server:
            response = server.predict([inline(files.black)])
            assert response.status_code == 500
            assert codes(response) == ["internal"]
            assert server.predict([inline(files.red), inline(files.black)]).status_code == 200

    def test_404_for_another_model(self, server: RunningServer, files: Files) -> None:
        response = httpx.post(f"{server.url}/v1/models/other:predict", json=[inline(files.red)])
        assert response.status_code == 404
        assert response.json() == {"error": "Model with name other does not exist."}
        assert httpx.get(f"{server.url}/v1/models/other").status_code == 404

    def test_404_for_another_route(self, server: RunningServer) -> None:
        for response in (
            httpx.get(f"{server.url}/nothing"),
            httpx.post(f"{server.url}/nothing", content=b"x"),
        ):
            assert response.status_code == 404
            assert response.json() == {"error": "not found"}

    def test_413_for_a_body_over_the_limit(self, start: Start, files: Files) -> None:
        with start(BODY_MAX_SIZE=10_000) as server:
            assert server.predict([inline(files.red)]).status_code == 200
            response = server.post(b" " * 10_001)
            assert response.status_code == 413
            fits = "of inline images fit 1 of 7,350 bytes"
            assert response.json() == {"error": f"the body has more than 10,000 bytes; {fits}"}

            def chunks() -> Any:
                for _ in range(11):
                    yield b" " * 1000

            chunked = httpx.post(server.url + PREDICT, content=chunks())
            assert "content-length" not in chunked.request.headers
            assert chunked.status_code == 413

    def test_413_reaches_a_caller_who_is_still_sending(self, server: RunningServer) -> None:
        response = server.post(bytes(64 * 2**20 + 1))
        assert response.status_code == 413
        fits = "of inline images fit 11 of 4,194,304 bytes or 50 of 1,006,482 bytes"
        assert response.json() == {"error": f"the body has more than 67,108,864 bytes; {fits}"}

    def test_503_with_retry_after_when_too_much_is_in_flight(
        self, start: Start, slow_origin: Origin, files: Files
    ) -> None:
        settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
        with start(**settings, QUEUE_MAX_IMAGES=50, REQUEST_TIMEOUT_S=4) as server:
            waiting = [by_url("https://origin.test/slow")] * 50
            with slow_origin.busy(), httpx.Client() as client:
                held = _post_in_background(client, server, waiting)
                slow_origin.wait_for_request(timeout_s=5)
                response = server.predict([inline(files.red)])
                assert response.status_code == 503
                assert 1 <= int(response.headers["retry-after"]) <= 3
                assert response.json().keys() == {"error"}
                assert httpx.get(f"{server.url}/v1/models/logo-detection").status_code == 200
                held.join(timeout=10)
            assert server.predict([inline(files.red)]).status_code == 200


def _post_in_background(client: httpx.Client, server: RunningServer, body: Any) -> Any:
    import threading

    thread = threading.Thread(target=lambda: client.post(server.url + PREDICT, json=body, timeout=20))
    thread.start()
    return thread


class TestKServe:
    def test_the_model_is_ready_and_listed(self, server: RunningServer) -> None:
        assert httpx.get(f"{server.url}/v1/models/logo-detection").json() == {
            "name": "logo-detection",
            "ready": True,
        }
        assert httpx.get(f"{server.url}/v1/models").json() == {"models": ["logo-detection"]}
        for path in ("/", "/v2/health/live", "/v2/health/ready", "/v2/models/logo-detection/ready"):
            assert httpx.get(server.url + path).status_code == 200, path

    def test_the_model_cannot_be_unloaded(self, server: RunningServer, files: Files) -> None:
        for verb in ("load", "unload"):
            response = httpx.post(f"{server.url}/v2/repository/models/logo-detection/{verb}")
            assert response.status_code == 404
        assert server.predict([inline(files.red)]).status_code == 200

    def test_head_is_answered_like_get(self, server: RunningServer) -> None:
        for path in ("/v2/health/live", "/v1/models/logo-detection"):
            response = httpx.head(server.url + path)
            assert (response.status_code, response.content) == (200, b"")

    def test_nobody_is_redirected_to_a_host_of_the_callers(self, server: RunningServer) -> None:
        response = httpx.post(f"{server.url}{PREDICT}/", headers={"host": "evil.example"}, json=[])
        assert (response.status_code, response.json()) == (404, {"error": "not found"})

    def test_metrics_count_requests_and_items(self, server: RunningServer, files: Files) -> None:
        server.predict([inline(files.red), inline(b"x")])
        metrics = httpx.get(f"{server.url}/metrics").text
        for name in (
            "logo_requests_total",
            "logo_items_total",
            "logo_score_bucket",
            "request_predict_seconds",
        ):
            assert name in metrics
        assert 'logo_items_total{outcome="image_unsupported",source="inline"}' in metrics

    def test_the_request_id_is_returned(self, server: RunningServer, files: Files) -> None:
        response = server.predict([inline(files.red)], headers={"x-request-id": "abc-123"})
        assert response.headers["x-request-id"] == "abc-123"
        hostile = server.predict([inline(files.red)], headers={"x-request-id": "a b\tc"})
        assert len(hostile.headers["x-request-id"]) == 32


class TestLifetime:
    @pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_to_the_whole_group_ends_quietly(
        self, start: Start, files: Files, signal_number: signal.Signals
    ) -> None:
        with start() as server:
            assert server.predict([inline(files.red)]).status_code == 200
            began = time.monotonic()
            os.killpg(server.process.pid, signal_number)
            assert server.process.wait(timeout=15) == 0
            assert time.monotonic() - began < 15
        stderr = server.stderr()
        assert "Traceback" not in stderr
        assert "Exception ignored" not in stderr

    def test_sigterm_finishes_what_is_in_flight(
        self, start: Start, slow_origin: Origin, files: Files
    ) -> None:
        settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
        with start(**settings, REQUEST_TIMEOUT_S=2) as server:
            answers: list[httpx.Response] = []
            import threading

            body = [by_url("https://origin.test/slow"), inline(files.red)]
            caller = threading.Thread(target=lambda: answers.append(server.predict(body)))
            caller.start()
            slow_origin.wait_for_request(timeout_s=5)
            os.killpg(server.process.pid, signal.SIGTERM)
            caller.join(timeout=10)
            assert server.process.wait(timeout=15) == 0
        assert answers[0].status_code == 200
        assert codes(answers[0]) == ["deadline_exceeded", None]

    def test_one_line_of_log_per_request_without_its_content(self, start: Start, files: Files) -> None:
        with start(LOG_FORMAT="json") as server:
            url = "https://evil.example/secret.png?token=hunter2"
            headers = {"authorization": "Bearer s3cret", "cookie": "session=s3cret", "x-request-id": "line-1"}
            server.predict([inline(files.red, "private name.png"), by_url(url)], headers=headers)
            time.sleep(0.2)
            log = server.stderr()
        lines = [json.loads(line) for line in log.splitlines() if "line-1" in line]
        assert len(lines) == 1
        assert lines[0]["status"] == 200
        assert lines[0]["items"] == {"scored": 1, "url_not_allowed": 1}
        assert lines[0]["total_s"] > 0
        for secret in ("hunter2", "s3cret", "private name", base64.b64encode(files.red)[:24].decode()):
            assert secret not in log

    def test_a_port_that_is_taken_is_refused_in_one_line(self, server: RunningServer, start: Start) -> None:
        port = httpx.URL(server.url).port
        refused = rf"ended with 2: model_server: PORT: cannot listen on {port}"
        with pytest.raises(RuntimeError, match=refused), start(PORT=port):
            pass

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"PORT": "http"}, "PORT"),
            ({"WORKERS": 0}, "WORKERS"),
            ({"PRECISION": "f16"}, "PRECISION"),
            ({"PRECISION": "int8"}, "has no int8 model: take f32 or bf16"),
            ({"MODEL_PATH": "/nonexistent"}, "no such file or folder: /nonexistent"),
            ({"MODEL_PATH": ""}, "MODEL_PATH: it is empty"),
            ({"MODEL_PATH": __file__}, "is neither an artifact's folder nor a .keras file"),
            ({"ORIGIN_OVERRIDES": "nonsense"}, "ORIGIN_OVERRIDES"),
            ({"ALLOWED_HOSTS": "https://x.example"}, "ALLOWED_HOSTS"),
            ({"FETCH_HEADERS_FILE": "/nonexistent"}, "FETCH_HEADERS_FILE"),
        ],
    )
    def test_a_bad_setting_is_refused_in_one_line(
        self, start: Start, settings: dict[str, object], reason: str
    ) -> None:
        with pytest.raises(RuntimeError, match="ended with 2") as failure, start(**settings):
            pass
        (line,) = str(failure.value).split(": ", 1)[1].strip().splitlines()
        assert reason in line
