"""Progress: a bar for people, lines for logs."""

import logging
import os
import pty
import select
import subprocess
import sys
import termios
import time

import pytest

from datasets.progress import Progress, Waiting
from tests.harness.process import until

SCRIPT = """
from datasets.progress import Progress
with Progress("decoding", 30, "images") as progress:
    for _ in range(3):
        progress.advance(10)
"""


def test_without_a_terminal_there_is_a_line_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Progress("decoding", 30, "images", interval_s=0) as progress:
        progress.advance(10)
        progress.advance(20)
    assert caplog.messages == [
        "decoding: 10 of 30 images",
        "decoding: 30 of 30 images, about 0 s left",
    ]


def test_the_time_that_is_left_is_told_at_the_speed_so_far(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Progress("decoding", 1_000, "images", interval_s=0.2) as progress:
        time.sleep(0.3)  # until it begins, which is no speed
        progress.advance(10)
        time.sleep(0.3)
        progress.advance(10)
    assert caplog.messages[0] == "decoding: 10 of 1,000 images"
    left_s = int(caplog.messages[1].removeprefix("decoding: 20 of 1,000 images, about ").split()[0])
    assert left_s >= 29


def test_a_wait_says_how_long_it_usually_takes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Waiting("starting", 20, first_line_s=0):
        until(lambda: caplog.messages)
    assert caplog.messages == ["starting, which usually takes about 20 s"]


def test_a_short_wait_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Waiting("starting", 20):
        pass
    assert caplog.messages == []


def test_a_line_comes_at_most_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Progress("decoding", 30, "images") as progress:
        progress.advance(10)
    assert caplog.messages == []


def test_on_a_terminal_there_is_a_bar() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, check=True, timeout=60)
    readable, _, _ = select.select([ours], [], [], 10)
    shown = os.read(ours, 65536).decode() if readable else ""
    os.close(theirs)
    os.close(ours)
    assert "decoding" in shown
    assert "%" in shown
