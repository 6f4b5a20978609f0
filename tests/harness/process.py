"""Processes that tests and benchmarks start: where, in which environment, and what they are told."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 120.0  # more than any one measurement takes

Document = dict[str, Any]


class HarnessError(RuntimeError):
    """A process that was started ended, was silent, or answered what makes a measurement worthless."""


def free_port() -> int:
    """A TCP port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's environment without settings of the server, and with the given ones."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **{name: str(value) for name, value in settings.items()}}


def until(condition: Callable[[], object], timeout_s: float = 30.0) -> float:
    """Wait for a condition. Returns the seconds that it took; fails when they are too many."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s:g} s"
        time.sleep(0.01)
    return time.monotonic() - began


class Subprocess:
    """`python -m MODULE ARGUMENTS` for the length of a `with` block; a JSON document a line, and its answer.

    What it costs is told apart from what a server under test costs.

    Attributes:
        introduction: What it said of itself when it had started.
    """

    def __init__(self, module: str, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self.introduction: Document = {}

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        """Wait until it introduces itself."""
        try:
            self.introduction = self.answer(START_TIMEOUT_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()  # it has nothing to save
        self._process.communicate()

    def tell(self, document: Document) -> None:
        """Ask for something, without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Document:
        """What it answers.

        Raises:
            HarnessError: It failed, ended, or stayed silent.
        """
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            raise HarnessError(f"{self._module} {'ended' if readable else 'was silent'}")
        document: Document = json.loads(line)
        if "failed" in document:
            raise HarnessError(f"{self._module}: {document['failed']}")
        return document

    def ask(self, document: Document) -> Document:
        """Tell it something, and wait for the answer."""
        self.tell(document)
        return self.answer()


def serve_commands(commands: Mapping[str, Callable[[Document], Document]], **introduction: Any) -> None:
    """A subprocess's own side: answer each line by the command that its `do` names, until stdin ends."""
    _say(introduction)
    for line in sys.stdin:
        document = json.loads(line)
        try:
            _say(commands[document["do"]](document))
        except HarnessError as error:
            _say({"failed": str(error)})


def _say(document: Document) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
