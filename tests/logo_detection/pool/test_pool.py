"""The pool, with real processes: whatever becomes of a worker, nobody else notices."""

import asyncio
import base64
import errno
import gc
import json
import logging
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logo_detection.classifier import Contrast
from logo_detection.decode.header import DecodeLimits
from logo_detection.errors import (
    ImageCorrupt,
    ImageTimeout,
    ImageTooManyPixels,
    InternalError,
    ItemError,
    WorkerStartError,
)
from logo_detection.pool.messages import Explanation, Scored, Task, WorkerConfig, frame, parse_reply
from logo_detection.pool.pool import ScoringPool
from tests import images
from tests.harness.timing import within
from tests.models import tiny_source

LOGO = Contrast(target=1, other=0)
EXPLANATION = {
    "values": [[0.5, -1.5]],
    "overlay": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(),
}
ROOT = Path(__file__).parents[3]
TIMEOUT_S = 30.0

RED_PNG = images.png(Image.new("RGB", (64, 48), "red"))
RED = Task(RED_PNG)
BLUE = Task(images.png(Image.new("RGB", (64, 48), "blue")))
BROKEN = Task(RED_PNG[:60])
LARGE = Task(images.png(Image.new("RGB", (6000, 6000))))  # 144 MB once decoded, which the gate allows

PATIENT_S = 60.0  # for SLOW on a busy machine, which may take longer than the default allows
SLOW = Task(images.scan_bomb(50, 4000))  # about 0.5 s, most of it in libjpeg
ENDLESS = Task(images.scan_bomb(2000, 4000))  # about 20 s
SCAN_BOMBS_ALLOWED = DecodeLimits(max_scans=10_000, max_scan_megapixels=10**9)

Outcome = Scored | BaseException


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(tiny_source(tmp_path), SCAN_BOMBS_ALLOWED)


def is_logo(outcome: Outcome) -> bool:
    assert isinstance(outcome, Scored)
    return outcome.scores[1] > 0.9


def processes(parent: int | None = None) -> list[int]:
    """The worker processes of a process, this one by default, that live: neither gone nor zombies."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            state, owner = (directory / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (directory / "cmdline").read_text()
        except OSError:
            continue
        if int(owner) == (parent or os.getpid()) and state != "Z" and "logo_detection.pool.worker" in command:
            found.append(int(directory.name))
    return sorted(found)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  the kernel does not tell
            await asyncio.sleep(0.01)


async def score_all(pool: ScoringPool, tasks: list[Task], flow: object = None) -> list[Outcome]:
    return await asyncio.gather(*(pool.score(task, flow) for task in tasks), return_exceptions=True)


async def test_images_are_scored_whatever_their_bytes_are_held_in(config: WorkerConfig) -> None:
    data = RED_PNG
    async with ScoringPool(config, workers=1) as pool:
        for held in (data, bytearray(data), memoryview(b"--" + data)[2:]):
            scored = await pool.score(Task(held), "flow")
            assert scored.scores == pytest.approx((0.018, 0.982), abs=0.001)
            assert (scored.format, scored.width, scored.height) == ("png", 64, 48)
            assert min(scored.queue_s, scored.decode_s, scored.score_s) > 0


async def test_base64_text_is_scored_as_it_came(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1) as pool:
        text = base64.b64encode(RED_PNG).decode()
        assert is_logo(await pool.score(Task(text, is_base64=True), "flow"))


async def test_the_pool_knows_how_long_an_image_takes(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2, decode_timeout_s=PATIENT_S) as pool:
        assert pool.image_s == 0
        fast = await score_all(pool, [RED] * 10)
        assert all(is_logo(outcome) for outcome in fast)
        fast_s = pool.image_s
        assert fast_s > 0
        await pool.score(SLOW, "flow")
        assert pool.image_s > fast_s


async def test_an_image_larger_than_any_buffer_arrives_whole(config: WorkerConfig) -> None:
    noise = Image.frombytes("RGB", (1200, 1200), os.urandom(1200 * 1200 * 3))
    async with ScoringPool(config, workers=1) as pool:
        assert (await pool.score(Task(images.png(noise)), "flow")).width == 1200


async def test_an_item_s_error_is_its_own(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2) as pool:
        outcomes = await score_all(pool, [RED, BROKEN] * 10 + [Task(b"!", is_base64=True)])
        assert all(is_logo(outcome) for outcome in outcomes[:20:2])
        assert all(isinstance(outcome, ImageCorrupt) for outcome in outcomes[1:20:2])
        assert str(outcomes[20]) == "the image is not base64"
        assert pool.restarts == 0


def leave_little_memory(pid: int) -> None:
    """Let a process have no more memory than it has, as if earlier images had taken what there was."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + 32 * 2**20, -1))


async def test_a_worker_without_memory_is_replaced_and_its_image_scored_by_another(
    config: WorkerConfig,
) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=PATIENT_S) as pool:
        assert is_logo(await pool.score(RED, "flow"))
        leave_little_memory(*pool.pids)
        scored = await pool.score(LARGE, "flow")
        assert (scored.width, pool.restarts) == (6000, 1)


async def test_an_image_that_a_new_worker_has_no_memory_for_has_too_many_pixels(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=PATIENT_S) as pool:
        leave_little_memory(*pool.pids)
        with pytest.raises(ImageTooManyPixels):
            await pool.score(LARGE, "flow")
        assert pool.restarts == 0
        assert is_logo(await pool.score(RED, "flow"))


async def test_nothing_is_ready_before_it_is_entered_or_after_it_is_left(config: WorkerConfig) -> None:
    pool = ScoringPool(config, workers=2)
    pool.start()
    assert len(processes()) == 2
    assert pool.workers_ready == 0
    with pytest.raises(InternalError):
        await pool.score(RED, "flow")
    async with pool:
        assert (pool.workers_ready, pool.busy, pool.waiting) == (2, 0, 0)
    assert pool.workers_ready == 0
    assert processes() == []
    with pytest.raises(InternalError):
        await pool.score(RED, "flow")


def test_processes_may_start_before_there_is_an_event_loop(config: WorkerConfig) -> None:
    pool = ScoringPool(config, workers=1)
    pool.start()
    launched = processes()

    async def use() -> Scored:
        async with pool:
            assert processes() == launched
            return await pool.score(RED, "flow")

    assert is_logo(asyncio.run(use()))


def test_uvloop_does_as_well(config: WorkerConfig) -> None:
    async def use() -> None:
        async with ScoringPool(config, workers=2, decode_timeout_s=1) as pool:
            outcomes = await score_all(pool, [RED, ENDLESS, *[RED] * 10])
            assert isinstance(outcomes.pop(1), ImageTimeout)
            assert all(is_logo(outcome) for outcome in outcomes)
            await until(lambda: pool.workers_ready == 2)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use())


async def test_a_worker_that_is_killed_costs_the_one_image_it_had(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2) as pool:
        victim = asyncio.create_task(pool.score(ENDLESS, "endless"))
        await until(lambda: pool.busy == 1)
        await asyncio.sleep(0.2)
        # The other worker has nothing to do: whoever uses the processor is at work.
        busy = max(processes(), key=lambda pid: int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]))
        rest = asyncio.create_task(score_all(pool, [RED, BLUE] * 25, "rest"))
        await asyncio.sleep(0)
        os.kill(busy, signal.SIGKILL)
        with pytest.raises(ImageTimeout):
            await victim
        assert [is_logo(outcome) for outcome in await rest] == [True, False] * 25
        await until(lambda: pool.workers_ready == 2)
        assert pool.restarts == 1
        assert busy not in processes()
        assert len(processes()) == 2


async def test_each_worker_killed_under_load_costs_one_image_at_most(config: WorkerConfig) -> None:
    outcomes: list[Outcome] = []
    enough = asyncio.Event()

    async def score_on(flow: int) -> None:
        while not enough.is_set():
            outcomes.extend(await score_all(pool, [RED] * 5, flow))

    async with ScoringPool(config, workers=2) as pool, asyncio.TaskGroup() as group:
        for flow in range(3):
            group.create_task(score_on(flow))
        for killed in range(5):
            await until(lambda: pool.workers_ready == pool.busy == 2)
            os.kill(processes()[killed % 2], signal.SIGKILL)
            await until(lambda: pool.restarts == killed + 1)  # noqa: B023  it is awaited at once
        enough.set()
    lost = [outcome for outcome in outcomes if not isinstance(outcome, Scored)]
    assert all(isinstance(outcome, ImageTimeout) for outcome in lost)
    assert len(lost) <= 5
    assert len(outcomes) > 100


async def test_an_image_that_a_worker_did_not_come_to_read_is_scored_by_another(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1) as pool:
        (pid,) = processes()
        os.kill(pid, signal.SIGSTOP)
        scoring = asyncio.create_task(pool.score(RED, "flow"))
        await until(lambda: pool.busy == 1)
        os.kill(pid, signal.SIGKILL)
        assert is_logo(await scoring)
        assert pool.restarts == 1


async def test_an_idle_worker_that_dies_is_replaced_and_costs_nothing(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1) as pool:
        os.kill(processes()[0], signal.SIGKILL)
        await until(lambda: pool.workers_ready == 0)
        assert is_logo(await pool.score(RED, "flow"))
        assert pool.restarts == 1


async def test_a_worker_that_hangs_is_killed_and_replaced_in_time(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=0.3) as pool:
        for lost, stopwatch in enumerate(within(2.0, at_least_s=0.3), 1):
            (pid,) = processes()
            os.kill(pid, signal.SIGSTOP)
            with stopwatch, pytest.raises(ImageTimeout):
                await pool.score(RED, "flow")
            assert is_logo(await pool.score(RED, "flow"))
            assert pid not in processes()
            assert pool.restarts == lost


async def test_a_worker_that_hangs_while_it_is_sent_an_image_is_killed_in_time(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=0.3) as pool:
        for lost, stopwatch in enumerate(within(2.0, at_least_s=0.3), 1):
            os.kill(processes()[0], signal.SIGSTOP)
            with stopwatch, pytest.raises(ImageTimeout):
                await pool.score(Task(bytes(10_000_000)), "flow")
            assert is_logo(await pool.score(RED, "flow"))
            assert pool.restarts == lost


async def test_an_image_that_takes_too_long_leaves_the_others_their_scores(
    config: WorkerConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScoringPool(config, workers=2, decode_timeout_s=1) as pool:
        outcomes = await score_all(pool, [*[RED] * 20, ENDLESS, *[RED] * 20])
        assert isinstance(outcomes.pop(20), ImageTimeout)
        assert all(is_logo(outcome) for outcome in outcomes)
        await until(lambda: pool.workers_ready == 2)
    assert caplog.messages == ["a worker was lost: an image took more than 1 s (SIGKILL)"]


async def test_one_image_waits_behind_one_of_each_other_request_at_most(config: WorkerConfig) -> None:
    finished: list[str] = []

    async def score(task: Task, flow: str) -> None:
        await pool.score(task, flow)
        finished.append(flow)

    async with (
        ScoringPool(config, workers=1, decode_timeout_s=PATIENT_S) as pool,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(score(SLOW, "slow"))
        for flow in "a" * 50 + "b" * 50 + "c":
            group.create_task(score(RED, flow))
        await until(lambda: pool.waiting == 101)
    assert finished[:4] == ["slow", "a", "b", "c"]
    assert finished[4:24] == ["a", "b"] * 10


async def test_who_is_cancelled_while_waiting_leaves_at_once(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=PATIENT_S) as pool:
        first = asyncio.create_task(pool.score(SLOW, "flow"))
        waiting = [asyncio.create_task(pool.score(RED, "flow")) for _ in range(10)]
        await until(lambda: pool.waiting == 10)
        for task in waiting[:9]:
            task.cancel()
        await asyncio.wait(waiting[:9])
        assert pool.waiting == 1
        assert (await first).width == 4000
        assert is_logo(await waiting[9])


async def test_the_reply_to_a_cancelled_image_is_not_taken_for_the_next_one_s(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=PATIENT_S) as pool:
        abandoned = asyncio.create_task(pool.score(SLOW, "flow"))
        await until(lambda: pool.busy == 1)
        abandoned.cancel()
        assert [is_logo(outcome) for outcome in await score_all(pool, [RED, BLUE])] == [True, False]
        assert pool.restarts == 0


async def test_an_image_abandoned_in_a_hanging_worker_is_still_timed(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1, decode_timeout_s=0.3) as pool:
        os.kill(processes()[0], signal.SIGSTOP)
        abandoned = asyncio.create_task(pool.score(RED, "flow"))
        await until(lambda: pool.busy == 1)
        abandoned.cancel()
        assert is_logo(await pool.score(RED, "flow"))
        assert pool.restarts == 1


async def test_any_mixture_of_cancellations_leaves_a_pool_that_works(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2) as pool:
        scoring = [
            asyncio.create_task(pool.score((RED, BLUE)[number % 2], number % 5)) for number in range(200)
        ]
        for number, task in enumerate(scoring):
            if number % 3 == 0:
                task.cancel()
            if number % 10 == 0:
                await asyncio.sleep(0.002)
        outcomes = await asyncio.gather(*scoring, return_exceptions=True)
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, asyncio.CancelledError) or is_logo(outcome) == (number % 2 == 0)
        assert sum(isinstance(outcome, Scored) for outcome in outcomes) >= 133
        await until(lambda: pool.busy == 0)
        assert (pool.waiting, pool.workers_ready, pool.restarts) == (0, 2, 0)


async def test_images_still_here_when_the_pool_closes_are_told(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1) as pool:
        scoring = [asyncio.create_task(pool.score(task, "flow")) for task in (ENDLESS, RED, RED)]
        await until(lambda: pool.busy == 1)
    outcomes = await asyncio.wait_for(asyncio.gather(*scoring, return_exceptions=True), 2)
    assert all(isinstance(outcome, InternalError) for outcome in outcomes)
    assert processes() == []


async def test_workers_are_replaced_after_their_share_without_losing_an_image(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2, recycle_after=30) as pool:
        before = set(processes())
        fewest_ready = 2
        async with asyncio.timeout(TIMEOUT_S):
            while before & set(processes()):
                assert all(is_logo(outcome) for outcome in await score_all(pool, [RED] * 20))
                fewest_ready = min(fewest_ready, pool.workers_ready)
        assert fewest_ready == 2
        assert pool.restarts == 0
    assert processes() == []


async def test_processes_and_descriptors_stay_as_many_after_crashes(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2) as pool:
        await score_all(pool, [RED] * 10)
        before = descriptors()
        for number in range(5):
            await score_all(pool, [RED] * 60)
            os.kill(processes()[number % 2], signal.SIGKILL)
            await until(lambda: pool.restarts == number + 1 and pool.workers_ready == 2)  # noqa: B023
        assert all(is_logo(outcome) for outcome in await score_all(pool, [RED] * 10))
        assert descriptors() == before
        assert len(processes()) == 2
        assert len(asyncio.all_tasks()) == 3  # two slots and this test


def test_no_worker_outlives_a_server_that_is_killed(tmp_path: Path, config: WorkerConfig) -> None:
    image = tmp_path / "red.png"
    image.write_bytes(RED_PNG)
    script = f"""
import asyncio, os, pathlib, signal, sys
from logo_detection.pool.messages import Task, WorkerConfig
from logo_detection.pool.pool import ScoringPool
config = WorkerConfig.from_json({config.to_json()!r})

async def main():
    async with ScoringPool(config, workers=3, decode_timeout_s=600) as pool:
        print("ready", flush=True)
        sys.stdin.readline()
        image = pathlib.Path({str(image)!r}).read_bytes()
        await asyncio.gather(*(pool.score(Task(image), 0) for _ in range(3)))

asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        workers = processes(server.pid)
        assert len(workers) == 3
        os.kill(workers[0], signal.SIGSTOP)  # hangs, with or without an image
        server.stdin.write(b"go\n")
        server.stdin.flush()
        time.sleep(0.2)
        server.kill()
    give_up = time.monotonic() + 30
    while alive := [pid for pid in workers if _lives(pid)]:
        assert time.monotonic() < give_up, f"{alive} live on"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_signal_to_the_server_s_group_is_not_for_its_workers(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=2):
        groups = {os.getpgid(pid) for pid in processes()}
        assert len(groups) == 2
        assert os.getpgid(0) not in groups


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


async def test_a_worker_sees_no_secret_of_the_environment(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWIFT_SECRET", "hunter2")
    async with ScoringPool(config, workers=1):
        environment = environment_of(processes()[0])
    assert "hunter2" not in environment
    assert "OMP_NUM_THREADS=1\0" in environment


async def test_a_worker_starts_in_any_directory(
    config: WorkerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with ScoringPool(config, workers=1) as pool:
        assert is_logo(await pool.score(RED, "flow"))


def impersonate(monkeypatch: pytest.MonkeyPatch, directory: Path, program: str) -> None:
    """Have another program started in a worker's place. `channel` is its socket, `frame` makes frames."""
    path = directory / "impostor"
    prelude = (
        f"#!{sys.executable}\nimport os, select, socket, struct, sys, time\n"
        "channel = socket.socket(fileno=int(sys.argv[-1]))\n"
        "def frame(text, follows=0): return struct.pack('!II', len(text), follows) + text\n"
    )
    path.write_text(prelude + program)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(path))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("os._exit(3)", r"a worker did not start: it ended \(status 3\)"),
        ("os.kill(os.getpid(), 11)", r"a worker did not start: it ended \(SIGSEGV\)"),
        ("time.sleep(60)", r"a worker did not start: it was silent for 0.5 s \(SIGKILL\)"),
        (
            "channel.sendall(b'\\xff' * 100); time.sleep(60)",
            "a worker did not start: its reply was malformed",
        ),
    ],
)
async def test_a_worker_that_does_not_start_is_an_error_of_one_line(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, reason: str
) -> None:
    impersonate(monkeypatch, tmp_path, program)
    before = descriptors()
    with pytest.raises(WorkerStartError, match=reason) as caught:
        async with ScoringPool(config, workers=2, start_timeout_s=0.5):
            pass
    assert "\n" not in str(caught.value)
    assert descriptors() == before


async def test_a_missing_model_is_an_error_of_one_line(config: WorkerConfig) -> None:
    missing = replace(config, source=replace(config.source, path=f"{config.source.path}.gone/model.onnx"))
    with pytest.raises(WorkerStartError, match=r"^model.onnx: ") as caught:
        async with ScoringPool(missing, workers=2):
            pass
    assert "\n" not in str(caught.value)
    assert processes() == []


async def test_a_system_that_starts_no_process_is_an_error_of_one_line(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = descriptors()
    with pytest.raises(WorkerStartError, match=r"^no process can be started: No such file or directory$"):
        ScoringPool(config, workers=2).start()
    assert descriptors() == before


async def test_a_replacement_that_does_not_start_is_tried_again(
    config: WorkerConfig, caplog: pytest.LogCaptureFixture
) -> None:
    model = config.source.path
    async with ScoringPool(config, workers=1) as pool:
        shutil.move(model, f"{model}.away")
        os.kill(processes()[0], signal.SIGKILL)
        scoring = asyncio.create_task(pool.score(RED, "flow"))
        await until(lambda: any("not replaced" in message for message in caplog.messages))
        assert pool.workers_ready == 0
        shutil.move(f"{model}.away", model)
        assert is_logo(await scoring)
    (failure, *_) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert failure.getMessage().startswith("a worker was not replaced, next attempt in 0.1 s: model.onnx: ")
    assert "\n" not in failure.getMessage()


async def test_a_system_that_runs_out_of_descriptors_for_a_while_costs_no_slot(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def exhausted() -> NoReturn:
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    async with ScoringPool(config, workers=1) as pool:
        with monkeypatch.context() as patched:
            patched.setattr(socket, "socketpair", exhausted)
            os.kill(processes()[0], signal.SIGKILL)
            await until(lambda: any("not replaced" in message for message in caplog.messages))
        assert is_logo(await pool.score(RED, "flow"))
    assert "no process can be started: Too many open files in system" in caplog.text


GOOD_REPLY = {"scores": [0.5, 0.5], "format": "png", "width": 1, "height": 1, "decode_s": 0.1, "score_s": 0.1}
READY = "channel.recv(10**6)\nchannel.sendall(frame(b'{\"ready\": true}'))\n"


@pytest.mark.parametrize(
    "reply",
    [
        r"struct.pack('!II', 2**32 - 1, 0) + b'x' * 100_000",
        r"frame(b'{}', follows=2**31)",
        r"frame(b'[' * 60_000)",
        r"frame(b'\x80\x04cos\nsystem\n')",
        r"frame(b'{}') * 2",
        r"frame(b'{\"scores\": [NaN, 1.0]}')",
        r"b''",
    ],
)
async def test_a_worker_that_an_image_took_over_can_do_no_more_than_die(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reply: str
) -> None:
    impersonate(
        monkeypatch, tmp_path, f"{READY}channel.recv(10**6)\nchannel.sendall({reply})\ntime.sleep(0.2)"
    )
    async with ScoringPool(config, workers=1) as pool:
        with pytest.raises(ImageTimeout):
            await pool.score(RED, "flow")
        await until(lambda: pool.restarts == 1)


async def test_an_image_that_two_workers_did_not_read_is_given_to_no_third(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impersonate(monkeypatch, tmp_path, f"{READY}select.select([channel], [], [])\nos._exit(0)")
    async with ScoringPool(config, workers=1) as pool:
        with pytest.raises(ImageTimeout):
            await pool.score(RED, "flow")
        await until(lambda: pool.restarts == 2)


async def test_a_worker_that_speaks_unasked_is_replaced(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = f"{READY}time.sleep(0.2)\nchannel.sendall({frame(GOOD_REPLY)!r})\ntime.sleep(9)"
    impersonate(monkeypatch, tmp_path, program)
    async with ScoringPool(config, workers=1) as pool:
        monkeypatch.undo()
        await until(lambda: pool.restarts == 1)
        assert is_logo(await pool.score(RED, "flow"))


async def test_an_image_is_explained_where_that_is_asked_for(config: WorkerConfig) -> None:
    async with ScoringPool(config, workers=1) as pool:
        assert pool.explains
        plain = await pool.score(RED, "flow")
        explained = await pool.score(Task(RED_PNG, contrast=LOGO), "flow")
        assert (plain.explanation, explained.scores) == (None, plain.scores)
        assert explained.explanation is not None
        values = explained.explanation.values
        assert [len(row) for row in values] == [7] * 7
        assert sum(values, ()) == pytest.approx([4] * 49, abs=1e-5)
        assert base64.b64decode(explained.explanation.overlay).startswith(b"\x89PNG")
        with pytest.raises(ImageCorrupt):
            await pool.score(replace(BROKEN, contrast=LOGO), "flow")
        assert pool.restarts == 0


def test_what_a_worker_is_told_of_an_image_is_as_ever_where_no_explanation_is_asked_for() -> None:
    assert RED.to_json(3.0) == {"is_base64": False, "timeout_s": 3.0}
    assert replace(RED, contrast=LOGO).to_json(3.0) == {**RED.to_json(3.0), "contrast": (1, 0)}


async def test_the_first_explanation_may_take_longer_to_prepare_than_an_image_may(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reply = {**GOOD_REPLY, "explanation": EXPLANATION}
    program = (
        f"{READY}channel.recv(10**6)\ntime.sleep(1.5)\nchannel.sendall({frame({'built': True})!r})\n"
        f"channel.recv(10**6)\nchannel.sendall({frame(reply)!r})\ntime.sleep(9)"
    )
    impersonate(monkeypatch, tmp_path, program)
    async with ScoringPool(config, workers=1, decode_timeout_s=1.0) as pool:
        assert (await pool.score(replace(RED, contrast=LOGO), "flow")).explanation is not None
        assert pool.image_s < 1.0


async def test_a_worker_that_dies_while_it_prepares_leaves_its_image_to_another(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impersonate(monkeypatch, tmp_path, f"{READY}channel.recv(10**6)\nos._exit(0)")
    async with ScoringPool(config, workers=1) as pool:
        monkeypatch.undo()
        assert (await pool.score(replace(RED, contrast=LOGO), "flow")).explanation is not None
        assert pool.restarts == 1


async def test_a_worker_that_lies_about_what_it_built_is_replaced(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impersonate(monkeypatch, tmp_path, f"{READY}channel.recv(10**6)\nchannel.sendall({frame({})!r})")
    async with ScoringPool(config, workers=1) as pool:
        monkeypatch.undo()
        assert is_logo(await pool.score(replace(RED, contrast=LOGO), "flow"))
        assert pool.restarts == 1


def test_a_good_explanation_is_understood() -> None:
    reply = json.dumps({**GOOD_REPLY, "explanation": EXPLANATION}).encode()
    outcome = parse_reply(reply, 2, 0.2, explained=True)
    assert isinstance(outcome, Scored)
    assert outcome.explanation == Explanation(((0.5, -1.5),), str(EXPLANATION["overlay"]))
    plain = parse_reply(reply, 2, 0.2)
    assert isinstance(plain, Scored)
    assert plain.explanation is None


@pytest.mark.parametrize(
    "change",
    [
        {"values": []},
        {"values": [[]]},
        {"values": [[0.5], [0.5, 1.5]]},
        {"values": [[0.5, float("inf")]]},
        {"values": [[0.5, 1]]},
        {"values": [0.5]},
        {"values": [[0.5] * 33]},
        {"values": [[0.5]] * 33},
        {"overlay": None},
        {"overlay": "<script>"},
        {"overlay": base64.b64encode(b"GIF89a").decode()},
        {"overlay": base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(160 * 2**10)).decode()},
    ],
)
def test_an_explanation_with_one_thing_wrong_is_malformed(change: dict[str, object]) -> None:
    reply = {**GOOD_REPLY, "explanation": {**EXPLANATION, **change}}
    with pytest.raises(ValueError, match=r"explanation|overlay|base64|valid|JSON"):
        parse_reply(json.dumps(reply).encode(), 2, 0.0, explained=True)


def test_a_reply_without_the_explanation_that_was_asked_for_is_malformed() -> None:
    with pytest.raises(ValueError, match="not an explanation"):
        parse_reply(json.dumps(GOOD_REPLY).encode(), 2, 0.0, explained=True)


def test_a_good_reply_is_understood() -> None:
    assert parse_reply(json.dumps(GOOD_REPLY).encode(), 2, 0.2) == Scored(
        (0.5, 0.5), "png", 1, 1, 0.2, 0.1, 0.1
    )


@pytest.mark.parametrize(
    "change",
    [
        {"scores": [0.5]},
        {"scores": [0.5, float("nan")]},
        {"scores": [0.5, float("inf")]},
        {"scores": [0.5, "0.5"]},
        {"scores": "ab"},
        {"format": "exe"},
        {"width": "1"},
        {"height": 1.5},
        {"decode_s": None},
        {"score_s": float("nan")},
    ],
)
def test_a_reply_with_one_thing_wrong_is_malformed(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"repl|valid|JSON"):
        parse_reply(json.dumps({**GOOD_REPLY, **change}).encode(), 2, 0.0)


@pytest.mark.parametrize(
    "cause", ["x at y", "OSError at a.py:1\nforged log line", "a" * 300 + " at a.py:1", ""]
)
def test_a_cause_that_is_no_type_and_place_is_malformed(cause: str) -> None:
    with pytest.raises(ValueError, match="not a reply"):
        parse_reply(json.dumps({"code": "internal", "cause": cause}).encode(), 2, 0.0)


def test_an_internal_error_is_logged_with_its_cause_and_told_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcome = parse_reply(b'{"code": "internal", "cause": "OSError at image.py:12"}', 2, 0.0)
    assert isinstance(outcome, InternalError)
    assert outcome.message == InternalError.default_message
    assert caplog.messages == ["an image could not be scored: OSError at image.py:12"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
keys = st.sampled_from([*GOOD_REPLY, "code", "message", "cause", "explanation"])


@settings(max_examples=200)
@given(
    st.binary() | st.dictionaries(keys, json_values).map(lambda d: json.dumps({**GOOD_REPLY, **d}).encode())
)
def test_whatever_a_worker_sends_is_an_outcome_or_malformed(reply: bytes) -> None:
    try:
        outcome = parse_reply(reply, 2, 0.0, explained=True)
    except ValueError:
        return
    assert isinstance(outcome, Scored | ItemError)


class Bytes(bytearray):
    """Bytes that can be watched."""


async def test_bytes_are_let_go_with_their_answer_and_not_when_garbage_is_collected(
    config: WorkerConfig,
) -> None:
    async def score(image: Task) -> weakref.ref[Bytes]:
        assert not isinstance(image.data, str)
        data = Bytes(image.data)
        with suppress(ItemError):
            await pool.score(Task(data), "flow")
        return weakref.ref(data)

    async with ScoringPool(config, workers=1) as pool:
        gc.disable()
        try:
            references = [await score(image) for image in (BROKEN, RED)]
            await asyncio.sleep(0.1)  # the last one's frames
            assert [reference() for reference in references] == [None, None]
        finally:
            gc.enable()
