"""Companions: processes of the benchmark's own, told what to do by lines of JSON, and what they answer.

Each does one thing (`benchmarks.engine`, `benchmarks.callers`, `benchmarks.origin`), so that what it costs
is told apart from what the server costs.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 120.0  # more than any one measurement takes

Document = dict[str, Any]


class BenchmarkError(Exception):
    """Something that makes the figures worthless: a wrong answer, a process that ended."""


class Companion:
    """One process, `python -m MODULE ARGUMENTS`, for the length of a `with` block."""

    def __init__(self, module: str, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
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
            BenchmarkError: It failed, ended, or stayed silent.
        """
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            raise BenchmarkError(f"{self._module} {'ended' if readable else 'was silent'}")
        document: Document = json.loads(line)
        if "failed" in document:
            raise BenchmarkError(f"{self._module}: {document['failed']}")
        return document

    def ask(self, document: Document) -> Document:
        self.tell(document)
        return self.answer()


def obey(commands: Mapping[str, Callable[[Document], Document]], **introduction: Any) -> None:
    """A companion's own side: answer each line by the command that its `do` names, until stdin ends."""
    _say(introduction)
    for line in sys.stdin:
        document = json.loads(line)
        try:
            _say(commands[document["do"]](document))
        except BenchmarkError as error:
            _say({"failed": str(error)})


def _say(document: Document) -> None:
    print(json.dumps(document), flush=True)
