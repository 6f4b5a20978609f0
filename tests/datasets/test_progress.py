"""Progress: a bar for people, lines for logs."""

import logging
import os
import pty
import select
import subprocess
import sys
import termios

import pytest

from datasets.progress import Progress

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
        progress.advance()
    assert caplog.messages == ["decoding: 10 of 30 images", "decoding: 11 of 30 images"]


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
