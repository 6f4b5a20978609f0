"""Dockerfiles, parsed: what each stage has of its own, and of those that it builds on."""

import shlex
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

from dockerfile_parse import DockerfileParser


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction in upper case, and what comes after it on one line."""

    name: str
    value: str


@dataclass(frozen=True)
class Stage:
    """A stage's instructions, after those of the stages that it builds on.

    Attributes:
        environment: What ENV sets.
        labels: What LABEL sets.
    """

    instructions: tuple[Instruction, ...]
    environment: dict[str, str]
    labels: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a Dockerfile of one stage."""
        parser = DockerfileParser(fileobj=BytesIO(text.encode()))
        return cls(_instructions(parser), dict(parser.envs), dict(parser.labels))

    def all(self, name: str) -> list[str]:
        """The values of all instructions of a name."""
        return [each.value for each in self.instructions if each.name == name]

    def only(self, name: str) -> str:
        """The value of the one instruction of a name."""
        (value,) = self.all(name)
        return value

    def commands(self) -> list[list[str]]:
        """What RUN runs, word by word."""
        lines = [shlex.split(value) for value in self.all("RUN")]
        parts = (" ".join(line).split(" && ") for line in lines)
        return [command.split() for line in parts for command in line]

    def copies(self) -> dict[str, str]:
        """Source -> destination of what is copied from the working tree."""
        pairs = (value.split() for value in self.all("COPY") if not value.startswith("--"))
        return {source: target for *sources, target in pairs for source in sources}


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile: what stands before its first stage, and its stages by name, the last one last."""

    instructions: tuple[Instruction, ...]
    stages: dict[str, Stage]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Parse a file."""
        whole = DockerfileParser(fileobj=BytesIO(path.read_bytes()))
        texts: dict[str, str] = {}
        name = ""
        for each in whole.structure:
            if each["instruction"] == "FROM":
                base, _, name = each["value"].split()
                texts[name] = texts.get(base, f"FROM {base}\n")
            elif name:
                texts[name] += each["content"]
        return cls(_instructions(whole), {name: Stage.parse(text) for name, text in texts.items()})


def _instructions(parser: DockerfileParser) -> tuple[Instruction, ...]:
    return tuple(
        Instruction(each["instruction"], each["value"])
        for each in parser.structure
        if each["instruction"] != "COMMENT"
    )
