"""The worker: what it answers, and the process around it, spoken to over its socket."""

import base64
import io
import json
import os
import resource
import signal
import socket
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logo_detection.classifier import Contrast, Explain, Explained, ModelSource, Scores
from logo_detection.decode.header import DecodeLimits
from logo_detection.decode.spec import LIFTWING_SPEC, ImageSpec, Pixels
from logo_detection.errors import ImageCorrupt
from logo_detection.heat_map import HeatMapNotFound
from logo_detection.pool.messages import WorkerConfig, frame, read_frame
from logo_detection.pool.worker import Wanted, answer, decode_base64
from tests import images
from tests.harness.process import until
from tests.models import LABELS, tiny_onnx, tiny_source

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 30.0
MIB = 2**20

RED = images.png(Image.new("RGB", (64, 48), "red"))
BLUE = images.jpeg(Image.new("RGB", (64, 48), "blue"))


class Unexplained:
    """What classifiers are that have no heat maps."""

    explains = False

    def build_explainer(self) -> Explain:
        raise HeatMapNotFound("there is none")


class Fixed(Unexplained):
    """A classifier that has made up its mind."""

    def __init__(self, *scores: float) -> None:
        self._scores = np.array(scores, np.float32)

    def score(self, pixels: Pixels) -> Scores:
        return self._scores


class Failing(Unexplained):
    """A classifier that raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def score(self, pixels: Pixels) -> Scores:
        raise self._error


UNLOADED = WorkerConfig(ModelSource("model.onnx", "openvino", "f32", LABELS, ImageSpec()))


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(tiny_source(tmp_path))


@dataclass(frozen=True)
class Child:
    """A worker process, and the parent's end of its socket."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    stream: BinaryIO

    def read(self) -> dict[str, Any]:
        reply = read_frame(self.stream)
        assert reply is not None, f"the worker ended with {self.process.wait(TIMEOUT_S)}"
        assert reply[1] == b""
        return reply[0]

    def ask(self, image: bytes, *, is_base64: bool = False, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        request = {"is_base64": is_base64, "timeout_s": timeout_s}
        self.socket.sendall(frame(request, len(image)) + image)
        return self.read()


@contextmanager
def running(
    config: WorkerConfig, program: tuple[str, ...] = ("-m", "logo_detection.pool.worker"), cwd: Path = ROOT
) -> Iterator[Child]:
    """A worker that was sent its configuration."""
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rb") as stream:
        ours.settimeout(TIMEOUT_S)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", *program, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                cwd=cwd,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        ours.sendall(frame(config.to_json()))
        try:
            yield Child(process, ours, stream)
        finally:
            process.kill()
            process.communicate(timeout=TIMEOUT_S)


def test_a_configuration_crosses_unchanged() -> None:
    config = WorkerConfig(replace(UNLOADED.source, spec=LIFTWING_SPEC), DecodeLimits(max_pixels=5), 7)
    assert WorkerConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


JSON_NUMBERS = st.integers(-(2**63), 2**64 - 1)  # orjson writes no others, and no image has more pixels


@given(st.dictionaries(st.text(), JSON_NUMBERS | st.text() | st.booleans()), st.binary(), st.integers(0, 50))
@settings(max_examples=50)
def test_a_frame_is_read_as_it_was_written_or_not_at_all(
    document: dict[str, Any], image: bytes, missing: int
) -> None:
    sent = frame(document, len(image)) + image
    assert read_frame(io.BytesIO(sent)) == (document, image)
    if missing:
        assert read_frame(io.BytesIO(sent[:-missing])) is None


@given(data=st.binary(max_size=300), spaces=st.lists(st.sampled_from(" \t\r\n"), max_size=20))
@settings(max_examples=50)
def test_base64_is_read_whatever_white_space_strays_in_it(data: bytes, spaces: list[str]) -> None:
    text = base64.b64encode(data).decode()
    for number, space in enumerate(spaces):
        at = number * 37 % (len(text) + 1)
        text = text[:at] + space + text[at:]
    assert decode_base64(text.encode()) == data


@given(text=st.text(min_size=1), at=st.integers(0, 100))
@settings(max_examples=100)
def test_what_is_not_standard_base64_is_never_guessed_at(text: str, at: int) -> None:
    alphabet = set(string.ascii_letters + string.digits + "+/=" + string.whitespace)
    if set(text) <= alphabet:
        text = text[:at] + "!" + text[at:]
    with pytest.raises(ImageCorrupt, match="not base64"):
        decode_base64(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize("text", [b"AAA", b"AA==AA==", b"=AAA", b"A-_A", b"AAAA\0", b"\xff\xfe"])
def test_broken_base64_is_refused(text: bytes) -> None:
    with pytest.raises(ImageCorrupt, match=r"not base64$"):
        decode_base64(text)


@pytest.mark.parametrize("prefix", [b"data:image/png;base64,", b" DATA:,"])
def test_a_data_uri_is_called_by_its_name(prefix: bytes) -> None:
    with pytest.raises(ImageCorrupt, match="not base64 but a data: URI"):
        decode_base64(prefix + base64.b64encode(RED))


@pytest.mark.parametrize("is_base64", [False, True])
def test_an_image_has_scores_format_and_size(is_base64: bool) -> None:
    sent = base64.encodebytes(RED) if is_base64 else RED
    reply = answer(sent, is_base64, Fixed(0.25, 0.75), UNLOADED)
    assert reply.pop("decode_s") > 0
    assert reply.pop("score_s") > 0
    assert reply == {"scores": [0.25, 0.75], "format": "png", "width": 64, "height": 48}


@pytest.mark.parametrize(
    ("image", "is_base64", "code"),
    [
        (b"", False, "image_corrupt"),
        (b"", True, "image_corrupt"),
        (b"not an image", False, "image_unsupported"),
        (RED[:60], False, "image_corrupt"),
        (RED, True, "image_corrupt"),
        (images.png_bomb(), False, "image_too_many_pixels"),
    ],
)
def test_a_bad_image_has_a_code_and_a_message(image: bytes, is_base64: bool, code: str) -> None:
    reply = answer(image, is_base64, Fixed(0.5, 0.5), UNLOADED)
    assert reply["code"] == code
    assert reply["message"]


@pytest.mark.parametrize("scores", [(float("nan"), 0.5), (float("inf"), 0.0), (1.0,), (0.2, 0.3, 0.5)])
def test_scores_that_are_no_probabilities_of_the_labels_are_our_fault(scores: tuple[float, ...]) -> None:
    assert answer(RED, False, Fixed(*scores), UNLOADED)["code"] == "internal"


def test_an_unexpected_error_tells_its_type_and_place_and_nothing_of_the_image() -> None:
    reply = answer(RED, False, Failing(RuntimeError("secret bytes")), UNLOADED)
    assert reply["code"] == "internal"
    assert reply["cause"].startswith("RuntimeError at test_worker.py:")
    assert "secret" not in json.dumps(reply)


def test_running_out_of_memory_counts_as_too_many_pixels() -> None:
    assert answer(RED, False, Failing(MemoryError()), UNLOADED)["code"] == "image_too_many_pixels"


def test_it_says_when_it_is_ready_then_scores_then_ends_in_silence_with_its_socket(
    config: WorkerConfig,
) -> None:
    with running(config) as child:
        assert child.read() == {"ready": True, "explains": True}
        assert child.ask(RED)["scores"] == pytest.approx([0.018, 0.982], abs=0.001)
        assert child.ask(base64.b64encode(BLUE), is_base64=True)["scores"] == pytest.approx(
            [0.982, 0.018], abs=0.001
        )
        assert child.ask(b"nonsense")["code"] == "image_unsupported"
        child.socket.shutdown(socket.SHUT_RDWR)
        assert child.process.wait(TIMEOUT_S) == 0
        assert child.process.communicate() == (b"", b"")


@pytest.mark.parametrize("image", images.every_kind().values(), ids=images.every_kind())
def test_it_scores_every_format(image: bytes) -> None:
    reply = answer(image, False, Fixed(0.5, 0.5), UNLOADED)
    assert reply["scores"] == [0.5, 0.5]


def test_a_frame_cut_short_ends_it(config: WorkerConfig) -> None:
    with running(config) as child:
        child.read()
        child.socket.sendall(frame({"is_base64": False, "timeout_s": 1.0}, 100) + b"too few")
        child.socket.shutdown(socket.SHUT_WR)
        assert child.process.wait(TIMEOUT_S) == 0


def test_a_file_that_is_no_model_is_a_reason_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")
    with running(WorkerConfig(replace(UNLOADED.source, path=str(path)))) as child:
        reason = child.read()["failed"]
        assert reason == "model.onnx: the openvino runtime cannot load it (RuntimeError)"
        assert "\n" not in reason
        assert str(tmp_path) not in reason.split(": ")[0]
        assert child.process.wait(TIMEOUT_S) == 1


def test_a_model_with_other_classes_than_its_labels_does_not_start(tmp_path: Path) -> None:
    path = tiny_onnx(tmp_path / "model.onnx", weights=((0, 1, 2),) * 3)
    with running(WorkerConfig(replace(UNLOADED.source, path=str(path)))) as child:
        assert "one score per label" in child.read()["failed"]


def test_it_imports_decoding_and_the_engine_and_no_more(config: WorkerConfig) -> None:
    # os._exit is where a worker ends; here it tells what it had imported by then.
    program = (
        "import os, sys\n"
        "import logo_detection.pool.worker as worker\n"
        "leave = os._exit\n"
        "os._exit = lambda status: (print(*sys.modules, flush=True), leave(status))\n"
        "worker.main(int(sys.argv[1]))\n"
    )
    with running(config, ("-c", program)) as child:
        child.read()
        assert "scores" in child.ask(images.svg_logo())
        child.socket.shutdown(socket.SHUT_WR)
        output, _ = child.process.communicate(timeout=TIMEOUT_S)
    imported = set(output.decode().split())
    modules = {name.partition(".")[0] for name in imported}
    assert modules >= {"openvino", "PIL", "numpy", "pyvips"}
    assert not modules & {
        "pydantic", "pydantic_core", "aiohttp", "yarl", "kserve", "fastapi", "uvicorn",
        "prometheus_client", "tensorflow", "keras", "asyncio", "pandas", "openvino_telemetry",
    }  # fmt: skip
    assert not imported & {"openvino.tools.ovc", "urllib.request", "http.client", "email"}


def test_what_it_needed_to_start_goes_back_to_the_system(config: WorkerConfig) -> None:
    # 24 MB in pieces that glibc takes from the heap, the top one kept: nothing above a hole can hold it back
    # but what is trimmed page by page.
    program = (
        "import sys\n"
        "import logo_detection.pool.worker as worker\n"
        "load = worker.load_classifier\n"
        "def wasteful(source):\n"
        "    pieces = [bytes(1000) for _ in range(24_000)]\n"
        "    classifier = load(source)\n"
        "    global last\n"
        "    last = bytes(1000)\n"
        "    return classifier\n"
        "worker.load_classifier = wasteful\n"
        "worker.main(int(sys.argv[1]))\n"
    )
    with running(config) as plain, running(config, ("-c", program)) as other:
        plain.read()
        other.read()
        assert private_bytes(other) - private_bytes(plain) < 6 * MIB


def test_what_an_image_left_goes_back_to_the_system_once_there_is_no_other(config: WorkerConfig) -> None:
    # 40 MB in pieces, less than what is trimmed at once, below a piece that stays.
    program = (
        "import sys\n"
        "import logo_detection.pool.worker as worker\n"
        "answer = worker.answer\n"
        "def wasteful(*arguments):\n"
        "    pieces = [bytes(1000) for _ in range(40_000)]\n"
        "    global last\n"
        "    last = bytes(1000)\n"
        "    return answer(*arguments)\n"
        "worker.answer = wasteful\n"
        "worker.main(int(sys.argv[1]))\n"
    )
    with running(config, ("-c", program)) as child:
        child.read()
        before = private_bytes(child)
        assert "scores" in child.ask(RED)
        until(lambda: private_bytes(child) < before + 10 * MIB)


def private_bytes(child: Child) -> int:
    lines = Path(f"/proc/{child.process.pid}/smaps_rollup").read_text().splitlines()[1:]
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def test_a_file_in_the_working_directory_is_not_imported(config: WorkerConfig, tmp_path: Path) -> None:
    for name in ("numpy", "json", "PIL", "logo_detection"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working directory')")
    with running(config, cwd=tmp_path) as child:
        assert child.read()["ready"]


def limits_of(child: Child) -> dict[str, list[str]]:
    lines = Path(f"/proc/{child.process.pid}/limits").read_text().splitlines()
    return {line[:26].strip(): line[26:].split() for line in lines}


def memory_of(child: Child) -> int:
    """Address space, bytes."""
    pages = Path(f"/proc/{child.process.pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def test_what_explains_is_built_when_it_is_asked_for_and_an_image_has_as_much_memory_as_before(
    config: WorkerConfig,
) -> None:
    contrast = {"is_base64": False, "timeout_s": TIMEOUT_S, "contrast": [1, 0]}
    with running(config) as child:
        child.read()
        child.socket.sendall(frame(contrast, len(RED)) + RED)
        assert child.read()["cause"].startswith("RuntimeError at worker.py:")  # nothing is built unasked
        left = int(limits_of(child)["Max address space"][0]) - memory_of(child)
        child.socket.sendall(frame({"build": "explainer", "timeout_s": TIMEOUT_S}))
        assert child.read() == {"built": True}
        assert int(limits_of(child)["Max address space"][0]) - memory_of(child) >= left
        child.socket.sendall(frame(contrast, len(RED)) + RED)
        explained = child.read()
        assert np.allclose(explained.pop("explanation")["values"], np.full((7, 7), 4))
        assert explained.keys() == child.ask(RED).keys()


def test_what_cannot_be_built_is_told_by_its_place_and_scores_can_be_had_all_the_same(
    config: WorkerConfig,
) -> None:
    with running(config) as child:
        child.read()
        Path(config.source.path).unlink()
        limit = limits_of(child)["Max address space"]
        child.socket.sendall(frame({"build": "explainer", "timeout_s": TIMEOUT_S}))
        assert child.read().keys() == {"code", "cause"}
        assert int(limits_of(child)["Max address space"][0]) >= int(limit[0])
        assert child.ask(RED)["scores"][1] > 0.9


def test_a_map_that_holds_no_numbers_is_our_fault() -> None:
    def explain(pixels: Pixels, contrast: Contrast) -> Explained:
        return Explained(np.array([0.5, 0.5], np.float32), np.full((7, 7), np.nan, np.float32))

    reply = answer(RED, False, Fixed(0.5, 0.5), UNLOADED, Wanted(explain, Contrast(1, 0)))
    assert reply["cause"].startswith("ArithmeticError at worker.py:")


def test_its_memory_is_limited_to_one_image_s_share_and_no_core_is_dumped(config: WorkerConfig) -> None:
    with running(config) as child:
        child.read()
        limit = int(limits_of(child)["Max address space"][0])
        assert abs(limit - memory_of(child) - config.headroom_bytes) < 32 * MIB
        assert limits_of(child)["Max core file size"][0] == "0"


def test_an_image_beyond_the_memory_limit_costs_itself_alone(config: WorkerConfig) -> None:
    large = images.png(Image.new("RGB", (6000, 6000)))  # 144 MB once decoded, which the gate allows
    with running(config) as child:
        child.read()
        resource.prlimit(child.process.pid, resource.RLIMIT_AS, (memory_of(child) + 32 * MIB, -1))
        assert child.ask(large)["code"] == "image_too_many_pixels"
        assert child.ask(RED)["scores"][1] > 0.9


def test_a_worker_that_nobody_stops_stops_itself_a_little_later(config: WorkerConfig) -> None:
    slow = images.scan_bomb(2000, 4000)
    with running(replace(config, limits=DecodeLimits(max_scans=10_000, max_scan_megapixels=10**9))) as child:
        child.read()
        # The alarm rings after timeout_s and the slack of 1 s; a negative timeout brings it forward.
        request = frame({"is_base64": False, "timeout_s": -0.9}, len(slow))
        child.socket.sendall(request + slow)
        assert child.process.wait(TIMEOUT_S) == -signal.SIGALRM


def test_no_alarm_rings_between_images(config: WorkerConfig) -> None:
    with running(config) as child:
        child.read()
        assert "scores" in child.ask(RED, timeout_s=0.5)
        time.sleep(1.7)
        assert "scores" in child.ask(RED)


def test_the_kernel_prefers_to_kill_it_when_memory_is_short(config: WorkerConfig) -> None:
    with running(config) as child:
        child.read()
        assert int(Path(f"/proc/{child.process.pid}/oom_score_adj").read_text()) >= 500
