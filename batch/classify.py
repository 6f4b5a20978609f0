"""logo-classify: how likely are these files logos? For people at a terminal, and for scripts.

    logo-classify photo.jpg folder/ https://commons.wikimedia.org/wiki/Special:FilePath/Foo.png

Results go to stdout as they come; everything else goes to stderr. Exit status 0: at least one file
was scored; 1: none was; 2: the command line or the artifact is unusable.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from time import perf_counter
from typing import NoReturn, TypeVar

from batch.engine import Target, score_all
from batch.grid import Grid
from batch.inputs import find_inputs
from batch.listing import json_document, table
from logo_detection.artifact import OUT_OF_DOMAIN, Artifact, load_artifact
from logo_detection.cores import available_cores
from logo_detection.errors import ArtifactError, ItemError, LogoDetectionError
from logo_detection.fetch import Fetcher
from logo_detection.memory import MemoryBudget
from logo_detection.policy import FetchPolicy, parse_allowed_hosts, parse_origin_overrides, read_fetch_headers
from logo_detection.worker import WorkerConfig
from logo_detection.workers import ScoringPool

MAX_FILE_BYTES = 64 * 2**20
MAX_HELD_BYTES = 128 * 2**20
AHEAD_PER_WORKER = 4  # one is scored, and the next ones are read meanwhile
AHEAD_FOR_FETCHES = 16

INTERRUPTED = 130  # as shells have it: 128 + SIGINT
BROKEN_PIPE = 141

_T = TypeVar("_T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(classify(options))
    except LogoDetectionError as error:
        sys.stderr.write(f"logo-classify: {error}\n")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the results has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python flushes the rest to
        return BROKEN_PIPE


async def classify(options: argparse.Namespace) -> int:
    """Score what the options name, and write what became of it. Returns the exit status.

    Raises:
        LogoDetectionError: The artifact is not usable, or no worker starts.
    """
    artifact = load_artifact(options.model)
    target = _target(artifact, options.target)
    source = artifact.model_source(options.runtime)
    pool = ScoringPool(WorkerConfig(source, max_image_bytes=MAX_FILE_BYTES), workers=options.workers)
    memory = MemoryBudget(MAX_HELD_BYTES)
    fetcher = Fetcher(_fetch_policy(options), memory)
    grid = Grid(target, options.threshold) if options.plot else None
    listing = json_document if options.json else table
    results = scored = 0
    async with pool, fetcher:
        began = perf_counter()
        inputs = find_inputs(options.inputs, fetcher=fetcher, memory=memory, max_bytes=MAX_FILE_BYTES)
        ahead = AHEAD_FOR_FETCHES + AHEAD_PER_WORKER * options.workers
        scoring = score_all(inputs, pool, ahead=ahead, look=grid.look if grid else None)
        with listing(sys.stdout, target) as add:
            async with aclosing(scoring):
                async for result in scoring:
                    add(result)
                    sys.stdout.flush()
                    results += 1
                    scored += not isinstance(result.outcome, ItemError)
                    if grid:
                        grid.add(result)
        elapsed_s = perf_counter() - began
    if grid:
        _write(options.plot, grid.png())
    sys.stderr.write(
        f"{scored:,} of {results:,} files scored in {elapsed_s:.1f} s"
        f" by {artifact.name} {artifact.version} ({source.runtime}, {options.workers} workers)\n"
    )
    return 0 if scored else 1


def _target(artifact: Artifact, name: str | None) -> Target:
    targets = [label for label in artifact.labels if label != OUT_OF_DOMAIN]
    if name is not None and name not in targets:
        raise ArtifactError(f"{artifact.name} has no class {name!r} to ask for; it has {', '.join(targets)}")
    return Target(name or targets[0], artifact.labels)


def _fetch_policy(options: argparse.Namespace) -> FetchPolicy:
    return FetchPolicy(
        allowed_hosts=options.allowed_hosts,
        overrides=options.origin_overrides,
        headers=options.fetch_headers_file,
        timeout_s=options.fetch_timeout_s,
        max_bytes=MAX_FILE_BYTES,
    )


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise LogoDetectionError(f"cannot write {path}: {error.strerror}") from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, where argparse would print the whole usage."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="logo-classify",
        usage="%(prog)s [options] INPUT...",
        description="How likely are these files logos?",
        epilog="Exit status: 0 if at least one file was scored, 1 if none was, 2 if nothing could be tried.",
    )
    option = parser.add_argument
    option("inputs", metavar="INPUT", nargs="+", help="a file, a folder (all files below it), or a URL")
    option("--json", action="store_true", help="write one JSON list instead of a table")
    option("--plot", metavar="FILE", type=_value(_png_path), help="draw the images and their scores as a PNG")
    option(
        "--threshold",
        type=_value(_share),
        default=0.5,
        help="the score from which --plot draws a border in the logo's colour (default %(default)s)",
    )
    option(
        "--model",
        metavar="PATH",
        type=Path,
        default=Path("model_artifacts/logo-detection"),
        help="an artifact's folder, or a .keras file of LiftWing's (default %(default)s)",
    )
    option("--target", metavar="CLASS", help="the class to ask for (default: the model's first)")
    option("--runtime", choices=["auto", "openvino", "keras"], default="auto", help="default %(default)s")
    option(
        "--workers",
        metavar="N",
        type=_value(_positive),
        default=available_cores(),
        help="scoring processes (default: one per core, here %(default)s)",
    )
    _add_fetch_options(parser.add_argument_group("URLs"))
    return parser


def _add_fetch_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--allowed-hosts",
        metavar="HOSTS",
        type=_value(parse_allowed_hosts),
        default="commons.wikimedia.org,upload.wikimedia.org",
        help="the only hosts to fetch from, each with an optional /prefix/ (default %(default)s)",
    )
    group.add_argument(
        "--origin-overrides",
        metavar="PAIRS",
        type=_value(parse_origin_overrides),
        default="",
        help="host=http://127.0.0.1:6101 pairs: where requests for a host go instead",
    )
    group.add_argument(
        "--fetch-headers-file",
        metavar="FILE",
        type=_value(lambda text: read_fetch_headers(Path(text))),
        default={},
        help="JSON, host -> headers that are sent to that host only",
    )
    group.add_argument(
        "--fetch-timeout-s",
        metavar="SECONDS",
        type=_value(_positive_seconds),
        default=5.0,
        help="for one file (default %(default)s)",
    )


def _value(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """`parse`, whose ValueErrors argparse then shows instead of the function's name."""

    def parsed(text: str) -> _T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _positive_seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds")
    return seconds


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not between 0 and 1")
    return share


def _png_path(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ValueError(f"{text!r} is a folder, or is in a folder that does not exist")
    return path


if __name__ == "__main__":
    sys.exit(main())
