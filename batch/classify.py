"""logo-classify: how likely are these files logos? For people at a terminal, and for scripts.

    logo-classify photo.jpg folder/ https://commons.wikimedia.org/wiki/Special:FilePath/Foo.png

Results go to stdout as they come; everything else goes to stderr. Exit status 0: at least one file
was scored; 1: none was; 2: the command line or the artifact is unusable.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from time import perf_counter

from batch.batch_scorer import inputs_under_way
from batch.grid import Grid
from batch.inputs import find_inputs
from batch.listing import json_document, text_table
from batch.options import add_fetch_options, add_model_options, fetch_policy, number, value
from batch.overlays import write_file, write_overlay
from batch.target import find_target
from logo_detection.artifact import load_artifact
from logo_detection.commands import Parser, run_command
from logo_detection.errors import ArtifactError, ItemError
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.files import MAX_FILE_BYTES
from logo_detection.heat_map import NO_HEAT_MAP
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import MAX_HELD_BYTES, score_all

BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return run_command("logo-classify", lambda: asyncio.run(classify(options)))
    except BrokenPipeError:  # whoever read the results has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python flushes the rest to
        return BROKEN_PIPE


async def classify(options: argparse.Namespace) -> int:
    """Score what the options name, and write what became of it. Returns the exit status.

    Raises:
        LogoDetectionError: The artifact is not usable, or no worker starts.
    """
    artifact = load_artifact(options.model)
    target = find_target(artifact, options.target)
    source = artifact.model_source(options.runtime, options.precision)
    pool = ScoringPool(WorkerConfig(source, max_image_bytes=MAX_FILE_BYTES), workers=options.workers)
    memory = ByteBudget(MAX_HELD_BYTES)
    fetcher = Fetcher(fetch_policy(options), memory)
    grid = Grid(target, options.threshold) if options.plot else None
    listing = json_document if options.json else text_table
    results = scored = 0
    async with pool, fetcher:
        if options.explain and not pool.explains:
            raise ArtifactError(f"{artifact.name} cannot be explained: {NO_HEAT_MAP}")
        began = perf_counter()
        inputs = find_inputs(options.inputs, fetcher=fetcher, memory=memory, max_bytes=MAX_FILE_BYTES)
        ahead = inputs_under_way(options.workers)
        scoring = score_all(
            inputs,
            pool,
            ahead=ahead,
            on_scored=grid.keep_picture if grid else None,
            contrast=target.contrast if options.explain else None,
        )
        with listing(sys.stdout, target) as add:
            async with aclosing(scoring):
                async for result in scoring:
                    add(result)
                    sys.stdout.flush()
                    results += 1
                    if options.explain:
                        write_overlay(options.explain, results, result)
                    scored += not isinstance(result.outcome, ItemError)
                    if grid:
                        grid.add(result)
        elapsed_s = perf_counter() - began
    if grid:
        write_file(options.plot, grid.png())
    sys.stderr.write(
        f"{scored:,} of {results:,} files scored in {elapsed_s:.1f} s"
        f" by {artifact.name} {artifact.version}"
        f" ({source.runtime} {source.precision}, {options.workers} workers)\n"
    )
    return 0 if scored else 1


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="logo-classify",
        usage="%(prog)s [options] INPUT...",
        description="How likely are these files logos?",
        epilog="Exit status: 0 if at least one file was scored, 1 if none was, 2 if nothing could be tried.",
    )
    option = parser.add_argument
    option("inputs", metavar="INPUT", nargs="+", help="a file, a folder (all files below it), or a URL")
    option("--json", action="store_true", help="write one JSON list instead of a table")
    option("--plot", metavar="FILE", type=value(_png_path), help="draw the images and their scores as a PNG")
    option(
        "--explain",
        metavar="DIR",
        type=value(_folder),
        help="draw over each image which of its places speak for the class, as a PNG in this folder",
    )
    option(
        "--threshold",
        type=value(_share),
        default=0.5,
        help="the score from which --plot draws a border in the logo's colour (default %(default)s)",
    )
    add_model_options(parser)
    add_fetch_options(parser)
    return parser


def _share(text: str) -> float:
    share = number(text)
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not between 0 and 1")
    return share


def _png_path(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ValueError(f"{text!r} is a folder, or is in a folder that does not exist")
    return path


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise ValueError(f"{text!r} is no folder")
    return path


if __name__ == "__main__":
    sys.exit(main())
