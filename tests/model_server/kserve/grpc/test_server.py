"""The server of gRPC: its services, how it listens, how it ends, and what callers cannot do to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.harness.footprint import worker_ids
from tests.harness.grpc import MODEL_INFER, GrpcServer, connected, infer_request, read_outputs, refused
from tests.harness.h2 import H2Connection
from tests.harness.origins import Origin
from tests.harness.process import ROOT, HarnessError, clean_environment, free_port, until
from tests.harness.requests import inline
from tests.images import one_colour
from tests.model_server.conftest import Files, Start
from tests.model_server.kserve.grpc.conftest import StartGrpc
from tests.model_server.kserve.grpc.test_inference import slow_request

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
INFERENCE = "inference.GRPCInferenceService"
CHECK = "/grpc.health.v1.Health/Check"
REFLECT = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"


def check(server: GrpcServer, service: str = "") -> int:
    status: int = HealthStub(server.channel).Check(health_pb2.HealthCheckRequest(service=service)).status
    return status


class TestHealth:
    def test_it_is_told_of_the_server_and_of_the_service(self, grpc_server: GrpcServer) -> None:
        assert check(grpc_server) == check(grpc_server, INFERENCE) == SERVING
        assert refused(lambda: check(grpc_server, "other"))[0] == "NOT_FOUND"

    def test_whoever_watches_is_told_of_changes(self, start_grpc: StartGrpc) -> None:
        with start_grpc(DRAIN_DELAY_S=1) as server:
            watched = HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest())
            assert next(watched).status == SERVING
            server.http.process.send_signal(signal.SIGTERM)
            assert next(watched).status == NOT_SERVING
            assert list(watched) == []
            assert server.http.process.wait(timeout=30) == 0

    def test_a_service_that_is_not_there_may_be_watched(self, grpc_server: GrpcServer) -> None:
        watched = HealthStub(grpc_server.channel).Watch(health_pb2.HealthCheckRequest(service="other"))
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watched.cancel()


class TestReflection:
    def test_services_and_messages_can_be_looked_up(self, grpc_server: GrpcServer) -> None:
        database = ProtoReflectionDescriptorDatabase(grpc_server.channel)
        assert INFERENCE in database.get_services()
        file = database.FindFileContainingSymbol(INFERENCE)
        (service,) = file.service
        assert "ModelInfer" in [method.name for method in service.method]

    @pytest.mark.parametrize("version", ["v1", "v1alpha"])
    def test_clients_of_both_versions_are_answered(self, grpc_server: GrpcServer, version: str) -> None:
        ask = grpc_server.channel.stream_stream(
            REFLECT.format(version),
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="nothing.Here"),
        ]
        services, none = ask(iter(asked), timeout=20)
        assert INFERENCE in [each.name for each in services.list_services_response.service]
        assert none.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]

    def test_what_is_no_message_is_an_invalid_argument(self, grpc_server: GrpcServer) -> None:
        ask = grpc_server.channel.stream_stream(REFLECT.format("v1"))
        code, _ = refused(lambda: list(ask(iter([b"\xff"]), timeout=20)))
        assert code == "INVALID_ARGUMENT"


class TestListening:
    def test_nothing_of_it_is_imported_unless_its_port_is_set(self, start: Start) -> None:
        with start(module="tests.harness.without_grpc") as server:
            connections = psutil.Process(server.process.pid).connections()
            assert {each.laddr.port for each in connections if each.status == "LISTEN"} == {server.port}
            assert server.predict([inline(one_colour("red"))]).status_code == 200

    def test_a_server_that_lacks_its_packages_says_so(self, start: Start) -> None:
        with (
            pytest.raises(HarnessError, match=r"GRPC_PORT: requirements/grpc.txt is not installed"),
            start(module="tests.harness.without_grpc", GRPC_PORT=free_port()),
        ):
            pass

    @pytest.mark.parametrize("same", [True, False])
    def test_a_port_that_is_taken_is_named_at_once(self, artifact: Path, origin: Origin, same: bool) -> None:
        port = free_port()
        taken = port if same else origin.port
        settings = {"MODEL_PATH": artifact, "PORT": port, "GRPC_PORT": taken}
        done = subprocess.run(
            [sys.executable, "-m", "model_server"],
            cwd=ROOT,
            env=clean_environment(settings),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert done.stderr.startswith("model_server: GRPC_PORT: ")

    def test_a_connection_beyond_the_limit_is_refused_and_the_others_go_on(
        self, start_grpc: StartGrpc
    ) -> None:
        with start_grpc(CONNECTIONS_MAX=2) as server:
            assert check(server) == SERVING
            with connected(server.port) as second, connected(server.port) as third:
                asked = health_pb2.HealthCheckRequest()
                assert HealthStub(second).Check(asked, timeout=20).status == SERVING
                assert refused(lambda: HealthStub(third).Check(asked, timeout=2))[0] in (
                    "UNAVAILABLE",
                    "DEADLINE_EXCEEDED",
                )
            assert check(server) == SERVING


class TestHostileCallers:
    @pytest.fixture
    def connection(self, grpc_server: GrpcServer) -> Iterator[H2Connection]:
        with H2Connection(grpc_server.port) as opened:
            yield opened

    @pytest.mark.parametrize("path", [b"/\xff\xfe", b"", b"/" + b"x" * 2000, b"x"])
    def test_a_path_of_any_bytes_ends_its_own_call_alone(
        self, grpc_server: GrpcServer, connection: H2Connection, path: bytes
    ) -> None:
        connection.send(path, b"")
        assert connection.status() != "0"
        assert check(grpc_server) == SERVING

    def test_metadata_of_any_bytes_are_neither_logged_nor_in_the_way(
        self, grpc_server: GrpcServer, connection: H2Connection, files: Files
    ) -> None:
        secret = b"Bearer canary \xff\xfe"
        request = infer_request([files.red]).SerializeToString()
        connection.send(MODEL_INFER.encode(), request, [(b"authorization", secret)])
        assert connection.status() in ("0", "3")
        assert "canary" not in grpc_server.http.stderr()

    def test_little_of_a_message_is_taken_before_it_is_read(self, connection: H2Connection) -> None:
        assert connection.initial_window() <= 64 * 2**10

    def test_calls_that_send_no_message_keep_nobody_out(self, grpc_server: GrpcServer) -> None:
        with H2Connection(grpc_server.port) as idle:
            for _ in range(20):
                idle.open(MODEL_INFER.encode())
            began = time.monotonic()
            assert check(grpc_server) == SERVING
            assert time.monotonic() - began < 10


class TestWorkers:
    def test_one_that_is_lost_is_replaced(self, start_grpc: StartGrpc, files: Files) -> None:
        with start_grpc() as server:
            server.infer(infer_request([files.red]))
            os.kill(worker_ids(server.http.process.pid)[0], signal.SIGKILL)
            until(lambda: server.http.metric("logo_worker_restarts_total") == 1)
            until(lambda: check(server) == SERVING)
            assert read_outputs(server.infer(infer_request([files.red])))["error_code"] == [""]


class TestTheEnd:
    def test_what_is_in_flight_ends_and_what_is_new_is_refused(
        self, start_grpc: StartGrpc, slow_origin: Origin
    ) -> None:
        overrides = f"upload.wikimedia.org={slow_origin.url}"
        settings = {"DRAIN_DELAY_S": 2, "REQUEST_TIMEOUT_S": 20, "FETCH_TIMEOUT_S": 20}
        with start_grpc(ORIGIN_OVERRIDES=overrides, **settings) as server, ThreadPoolExecutor() as pool:
            request = slow_request(1)
            in_flight = pool.submit(server.infer, request)
            until(lambda: server.http.metric("logo_in_flight_images") == 1)
            server.http.process.send_signal(signal.SIGTERM)
            until(lambda: check(server) == NOT_SERVING)
            served = read_outputs(server.infer(infer_request([one_colour("red")])))
            assert served["error_code"] == [""]  # whoever does not know yet is served
            with slow_origin.busy():
                until(lambda: is_refused(server))
                assert not in_flight.done()
            assert read_outputs(in_flight.result(timeout=30))["error_code"] == ["fetch_failed"]
            assert server.http.process.wait(timeout=30) == 0
        assert "model_server drained: " in server.http.stderr()
        assert "status=499" not in server.http.stderr()


def is_refused(server: GrpcServer) -> bool:
    with connected(server.port) as channel:
        try:
            HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAVAILABLE)
        return False
