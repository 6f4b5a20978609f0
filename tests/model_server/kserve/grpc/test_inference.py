"""The inference service at a real server, by KServe's own stubs."""

import re
import struct
import threading
import time
from contextlib import suppress
from functools import partial

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from tests.harness.grpc import MODEL, MODEL_INFER, GrpcServer, add_input, infer_request, read_outputs, refused
from tests.harness.origins import Origin
from tests.harness.process import until
from tests.images import one_colour
from tests.model_server.conftest import Files
from tests.model_server.kserve.grpc.conftest import StartGrpc

RAW = pytest.mark.parametrize("raw", [True, False], ids=["raw", "contents"])
SERVICE = "/inference.GRPCInferenceService"
MiB = 2**20


class TestInfer:
    @RAW
    def test_each_file_gets_its_score_or_its_error(
        self, grpc_server: GrpcServer, files: Files, raw: bool
    ) -> None:
        answer = grpc_server.infer(infer_request([files.red, b"nothing", files.blue], raw=raw, id="7"))
        assert (answer.id, answer.model_name, answer.model_version) == ("7", MODEL, "1")
        assert bool(answer.raw_output_contents) is raw
        found = read_outputs(answer)
        assert list(found) == ["prediction", "out_of_domain", "error_code", "error_message"]
        red, none, blue = found["prediction"]
        assert red > 0.9 > 0.1 > blue
        assert none is None
        assert found["error_code"] == ["", "image_unsupported", ""]

    @RAW
    def test_the_outputs_that_are_asked_for_come_in_their_order(
        self, grpc_server: GrpcServer, files: Files, raw: bool
    ) -> None:
        names = ["scores", "error_code"]
        answer = grpc_server.infer(infer_request([files.red], raw=raw, outputs=names))
        assert [(output.name, list(output.shape)) for output in answer.outputs] == [
            ("scores", [1, 2]),
            ("error_code", [1]),
        ]
        assert sum(read_outputs(answer)["scores"]) == pytest.approx(1, abs=2e-4)

    def test_where_no_file_is_scored_the_answer_says_why(self, grpc_server: GrpcServer) -> None:
        found = read_outputs(grpc_server.infer(infer_request([b"nothing"])))
        assert found["prediction"] == [None]
        assert found["error_code"] == ["image_unsupported"]

    def test_a_file_of_many_megabytes_is_an_error_of_its_own(
        self, grpc_server: GrpcServer, files: Files
    ) -> None:
        found = read_outputs(grpc_server.infer(infer_request([bytes(20 * MiB), files.red])))
        assert found["error_code"] == ["image_too_large", ""]

    def test_files_are_fetched(self, start_grpc: StartGrpc, origin: Origin, files: Files) -> None:
        origin.serve("/red.png", files.red)
        overrides = f"upload.wikimedia.org={origin.url}"
        request = pb.ModelInferRequest(model_name=MODEL)
        add_input(request, "url", [b"https://upload.wikimedia.org/red.png", b"http://x/"])
        with start_grpc(ORIGIN_OVERRIDES=overrides, FORWARD_CREDENTIALS="true") as server:
            found = read_outputs(server.infer(request, metadata=[("authorization", "Bearer me")]))
        assert found["error_code"] == ["", "url_not_allowed"]
        assert origin.requests[-1].headers["authorization"] == "Bearer me"


class TestRefusals:
    def test_malformed_requests_are_invalid_arguments(self, grpc_server: GrpcServer, files: Files) -> None:
        doubled = infer_request([files.red])
        add_input(doubled, "image", [files.red])
        assert refused(lambda: grpc_server.infer(doubled)) == (
            "INVALID_ARGUMENT",
            "inputs.image: is there twice",
        )

    @pytest.mark.parametrize(
        "method", ["ModelInfer", "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata"]
    )
    @pytest.mark.parametrize("message", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x08" + b"\xff" * 20])
    def test_bytes_that_are_no_message_are_invalid_arguments(
        self, grpc_server: GrpcServer, method: str, message: bytes
    ) -> None:
        code, _ = refused(lambda: grpc_server.call(f"{SERVICE}/{method}", message))
        assert code == "INVALID_ARGUMENT"

    def test_a_message_that_would_become_gigabytes_is_refused(self, grpc_server: GrpcServer) -> None:
        code, text = refused(lambda: grpc_server.call(MODEL_INFER, b"\x2a\x00" * 30 * MiB))
        assert (code, text) == (
            "INVALID_ARGUMENT",
            "the message has too many bytes beside the elements of its tensors",
        )

    def test_another_model_or_version_is_not_found(self, grpc_server: GrpcServer, files: Files) -> None:
        for request in (
            infer_request([files.red], model_name="other"),
            infer_request([files.red], model_version="2"),
        ):
            assert refused(partial(grpc_server.infer, request))[0] == "NOT_FOUND"
        assert grpc_server.infer(infer_request([files.red], model_version="1")).id == ""

    def test_a_long_text_is_cut_so_that_clients_can_read_it(self, grpc_server: GrpcServer) -> None:
        code, text = refused(lambda: grpc_server.infer(infer_request([b""], model_name="ü" * 5000)))
        assert (code, len(text)) == ("NOT_FOUND", 500)

    def test_a_message_larger_than_a_body_is_refused(self, start_grpc: StartGrpc) -> None:
        with start_grpc(BODY_MAX_SIZE=MiB) as server:
            code, _ = refused(lambda: server.infer(infer_request([bytes(MiB)])))
            assert code == "RESOURCE_EXHAUSTED"
            assert read_outputs(server.infer(infer_request([bytes(MiB - 200)])))

    def test_compressed_messages_are_refused(self, grpc_server: GrpcServer, files: Files) -> None:
        request = infer_request([files.red])
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            code, _ = refused(partial(grpc_server.infer, request, compression=compression))
            assert code == "UNIMPLEMENTED"

    def test_models_are_neither_loaded_nor_unloaded(self, grpc_server: GrpcServer) -> None:
        unload = pb.RepositoryModelUnloadRequest(model_name=MODEL)
        code, _ = refused(lambda: grpc_server.stub.RepositoryModelUnload(unload))
        assert code == "UNIMPLEMENTED"

    def test_overload_is_resource_exhausted(self, start_grpc: StartGrpc, slow_origin: Origin) -> None:
        settings = {
            "QUEUE_MAX_IMAGES": 2,
            "IMAGES_MAX_NUM": 2,
            "REQUEST_TIMEOUT_S": 20,
            "FETCH_TIMEOUT_S": 20,
        }
        with start_grpc(ORIGIN_OVERRIDES=f"upload.wikimedia.org={slow_origin.url}", **settings) as server:
            waiting = server.stub.ModelInfer.future(slow_request(2))
            until(lambda: server.http.metric("logo_in_flight_images") == 2)
            code, text = refused(lambda: server.infer(infer_request([one_colour("red")])))
            assert (code, text) == (
                "RESOURCE_EXHAUSTED",
                "too many images are being scored; try again shortly",
            )
            assert server.http.metric("logo_refusals_total", reason="overloaded") == 1
            waiting.cancel()


def slow_request(count: int) -> pb.ModelInferRequest:
    """Files that an origin sends a byte of now and then."""
    request = pb.ModelInferRequest(model_name=MODEL)
    add_input(request, "url", [b"https://upload.wikimedia.org/slow"] * count)
    return request


def answered_in_time(server: GrpcServer, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
    """The answer just before the caller's deadline, which a busy machine may miss once."""
    with suppress(grpc.RpcError):
        return server.infer(request, timeout=2)
    return server.infer(request, timeout=10)


class TestTime:
    def test_a_call_that_is_cancelled_leaves_nothing_behind(
        self, start_grpc: StartGrpc, slow_origin: Origin
    ) -> None:
        settings = {"REQUEST_TIMEOUT_S": 60, "FETCH_TIMEOUT_S": 60}
        with start_grpc(ORIGIN_OVERRIDES=f"upload.wikimedia.org={slow_origin.url}", **settings) as server:
            call = server.stub.ModelInfer.future(slow_request(3))
            until(lambda: server.http.metric("logo_in_flight_images") == 3)
            call.cancel()
            until(lambda: server.http.metric("logo_in_flight_images") == 0)
            until(lambda: "status=499" in server.http.stderr())
            assert server.http.metric("logo_held_bytes") == 0

    def test_the_callers_deadline_is_kept_and_what_is_done_by_then_is_answered(
        self, start_grpc: StartGrpc, slow_origin: Origin, files: Files
    ) -> None:
        slow_origin.serve("/red.png", files.red)
        request = pb.ModelInferRequest(model_name=MODEL)
        add_input(
            request, "url", [b"https://upload.wikimedia.org/slow", b"https://upload.wikimedia.org/red.png"]
        )
        settings = {"REQUEST_TIMEOUT_S": 60, "FETCH_TIMEOUT_S": 60}
        with start_grpc(ORIGIN_OVERRIDES=f"upload.wikimedia.org={slow_origin.url}", **settings) as server:
            server.infer(infer_request([files.red]))
            found = read_outputs(answered_in_time(server, request))
            assert found["error_code"] == ["deadline_exceeded", ""]
            began = time.monotonic()
            code, _ = refused(lambda: server.infer(slow_request(1), timeout=1.0))
            assert code == "DEADLINE_EXCEEDED"
            assert time.monotonic() - began < 10
            until(lambda: server.http.metric("logo_in_flight_images") == 0)

    def test_without_a_deadline_the_servers_own_ends_the_call(
        self, start_grpc: StartGrpc, slow_origin: Origin
    ) -> None:
        overrides = f"upload.wikimedia.org={slow_origin.url}"
        with start_grpc(ORIGIN_OVERRIDES=overrides, REQUEST_TIMEOUT_S=0.5) as server:
            assert refused(lambda: server.infer(slow_request(1), timeout=None)) == (
                "DEADLINE_EXCEEDED",
                "there was not enough time",
            )
            assert server.http.metric("logo_requests_total", status="504") == 1

    def test_a_message_that_never_comes_ends_by_the_deadline(self, grpc_server: GrpcServer) -> None:
        hold = threading.Event()

        def no_message() -> object:
            hold.wait(20)
            yield b""

        send = grpc_server.channel.stream_unary(MODEL_INFER)
        code, _ = refused(lambda: send(no_message(), timeout=0.5))
        hold.set()
        assert code == "DEADLINE_EXCEEDED"
        code, _ = refused(lambda: send(iter(()), timeout=20))
        assert code == "INVALID_ARGUMENT"


class TestDescription:
    def test_live_and_ready(self, grpc_server: GrpcServer) -> None:
        assert grpc_server.stub.ServerLive(pb.ServerLiveRequest()).live
        assert grpc_server.stub.ServerReady(pb.ServerReadyRequest()).ready
        assert grpc_server.stub.ModelReady(pb.ModelReadyRequest(name=MODEL, version="1")).ready
        other = pb.ModelReadyRequest(name="other")
        assert refused(lambda: grpc_server.stub.ModelReady(other))[0] == "NOT_FOUND"

    def test_the_metadata_are_those_of_rest(self, grpc_server: GrpcServer) -> None:
        model = grpc_server.stub.ModelMetadata(pb.ModelMetadataRequest(name=MODEL))
        assert (model.name, list(model.versions), model.platform) == (MODEL, ["1"], "openvino")
        assert [(each.name, each.datatype, list(each.shape)) for each in model.outputs][-1] == (
            "scores",
            "FP32",
            [-1, 2],
        )
        assert [each.name for each in model.inputs] == ["image", "url", "filename", "target"]
        assert grpc_server.stub.ServerMetadata(pb.ServerMetadataRequest()).name == "logo-detection-server"


class TestRecord:
    def test_a_call_is_counted_and_logged_as_a_request_is(
        self, grpc_server: GrpcServer, files: Files
    ) -> None:
        before = grpc_server.http.metric("logo_requests_total", status="200")
        call = grpc_server.stub.ModelInfer.future(
            infer_request([files.red, b"x"]),
            metadata=[("x-request-id", "mine"), ("traceparent", f"00-{7:032x}-{1:016x}-01")],
        )
        call.result(timeout=30)
        assert dict(call.trailing_metadata())["x-request-id"] == "mine"
        assert grpc_server.http.metric("logo_requests_total", status="200") == before + 1
        (line,) = re.findall(r".* request_id=mine .*", grpc_server.http.stderr())
        assert f"gRPC {MODEL_INFER} request_id=mine status=200 " in line
        assert "items=scored:1,image_unsupported:1 failed=image_unsupported:1" in line
        assert f" trace_id={7:032x} " in line
        assert " score_sum_s=" in line

    def test_nothing_that_a_caller_sends_is_logged(self, grpc_server: GrpcServer) -> None:
        secret = [("authorization", "Bearer canary"), ("cookie", "a=canary"), ("x-request-id", "no canary")]
        request = infer_request([b"canary"], id="canary")
        grpc_server.infer(request, metadata=secret)
        message = request.SerializeToString() + struct.pack("<B", 255)
        refused(lambda: grpc_server.call(MODEL_INFER, message, metadata=secret))
        assert "canary" not in grpc_server.http.stderr()
