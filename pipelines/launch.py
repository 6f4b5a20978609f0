"""logo-pipeline: the pipelines as YAML for Kubeflow, or run here, step by step, without a cluster.

    logo-pipeline compile --from categories --image registry.example/pipeline:1 --output pipeline.yaml
    logo-pipeline run --manifest data/manifest.csv --recipe quick

Exit status 0: done; 1: a step failed, such as the gate; 2: the command line is unusable.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from datasets.commons import COMMONS, parse_category
from logo_detection.commands import Parser, run_command
from pipelines.errors import PipelineError

IMAGE_VARIABLE = "LOGO_PIPELINE_IMAGE"
INTERRUPTED = "the pipeline begins anew; logo-train --run resumes"
LOCAL_IMAGE = "python"  # steps run in this Python; Kubeflow warns of an image whose name is not of one


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parser().parse_args(arguments)
    return run_command("logo-pipeline", partial(options.verb, options), INTERRUPTED)


def compile_pipeline(options: argparse.Namespace) -> int:
    """Write one of the pipelines as YAML. Raises PipelineError."""
    from kfp import compiler

    from pipelines import pipeline
    from pipelines.components import IMAGE

    image = options.image or os.environ.get(IMAGE_VARIABLE) or IMAGE
    make = {
        "categories": pipeline.from_categories,
        "manifest": pipeline.from_manifest,
        "search": pipeline.for_search,
    }[options.source]
    if options.output.suffix not in (".yaml", ".yml"):
        raise PipelineError(f"--output: {options.output} is not a .yaml file")
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        compiler.Compiler().compile(make(image), str(options.output))
    except OSError as error:
        raise PipelineError(f"cannot write {options.output}: {error.strerror}") from error
    source = "for a search" if options.source == "search" else f"from {options.source}"
    sys.stdout.write(f"{options.output}: {source}, in the image {image}\n")
    return 0


def run_pipeline(options: argparse.Namespace) -> int:
    """Run a pipeline here, each step in a process of its own. Raises LogoDetectionError before it begins."""
    source = _source(options)
    parameters = {**_parameters(options), **source}
    from kfp import local

    from pipelines.pipeline import from_categories, from_manifest

    if isinstance(sys.stdout, TextIOWrapper):  # in a pipe, too, what steps say comes when they say it
        sys.stdout.reconfigure(line_buffering=True)
    pipeline = (from_manifest if options.manifest else from_categories)(LOCAL_IMAGE)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(options.root.resolve()))
    try:
        outputs = pipeline(**parameters).outputs
    except RuntimeError:  # Kubeflow's, when a step has failed; it has said which
        sys.stderr.write("logo-pipeline: a step failed; above is why\n")
        return 1
    for name, artifact in outputs.items():
        sys.stdout.write(f"{name}: {artifact.path}\n")
    return 0


def _source(options: argparse.Namespace) -> dict[str, Any]:
    """Where the images come from, as parameters of the one pipeline or the other."""
    if options.manifest:
        if options.category:
            raise PipelineError("images are of a --manifest or of each --category, not of both")
        place = options.manifest.resolve()
        if not place.exists():
            raise PipelineError(f"--manifest: no such file: {options.manifest}")
        is_file = place.is_file()
        return {
            "dataset": str(place.parent if is_file else place),
            "manifest": place.name if is_file else "",
        }
    if not (options.category and options.contact):
        raise PipelineError("images are of a --manifest, or of each --category with a --contact")
    try:
        for text in options.category:
            parse_category(text)
    except ValueError as error:
        raise PipelineError(str(error)) from error
    limits = {"depth": options.depth, "limit": options.limit, "api": options.api}
    return {"categories": options.category, "contact": options.contact, **limits}


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    """What both pipelines take, as far as it is no default."""
    from pipelines.steps import check_parameters  # which is slow to import

    recipe = options.recipe
    try:
        text = Path(recipe).read_text() if Path(recipe).is_file() else recipe
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"--recipe: cannot read {recipe}: {error}") from error
    given = {"recipe": text, "version": options.version, "sample": options.sample}
    given["thresholds"] = dict(options.threshold)
    given["processes"] = options.processes
    check_parameters(**given)
    return {**given, "weights": options.weights}


def _threshold(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER") from None


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="logo-pipeline",
        description="From categories or a manifest to a model that is evaluated, exported and tried.",
        epilog="Exit status: 0 if it is done, 1 if a step failed, 2 if the command line is unusable.",
    )
    verbs = parser.add_subparsers(required=True, metavar="compile|run")
    _add_compile(verbs.add_parser("compile", help="write a pipeline as YAML, for Kubeflow"))
    _add_run(verbs.add_parser("run", help="run a pipeline here, without Kubernetes or Docker"))
    return parser


def _add_compile(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(verb=compile_pipeline)
    option = parser.add_argument
    option("--from", dest="source", choices=["categories", "manifest", "search"], default="categories")
    option("--output", metavar="FILE", type=Path, required=True)
    option("--image", help=f"of all steps; default: what {IMAGE_VARIABLE} says")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(verb=run_pipeline)
    option = parser.add_argument
    option("--manifest", metavar="PATH", type=Path, help="a manifest, or a folder that logo-train takes")
    option("--category", action="append", default=[], help="label=Category:Title; more than once")
    option("--contact", help="mail address or URL at which the wiki's people reach you")
    option("--depth", type=int, default=2, help="levels of subcategories (default %(default)s)")
    option("--limit", type=int, default=2000, help="files of each category (default %(default)s)")
    option("--api", default=COMMONS, help="of the wiki (default %(default)s)")
    option("--recipe", default="efficientnetv2-b0", help="a file, or the name of one of training/recipes")
    option("--version", default="", help="of the model (default: the recipe's)")
    option("--weights", default="", help="to begin with: imagenet, or a file")
    option(
        "--threshold", action="append", default=[], type=_threshold, metavar="NAME=NUMBER", help="of the gate"
    )
    option("--processes", type=int, default=1, help="that train together (default %(default)s)")
    option("--sample", type=int, default=200, help="files to score once more (default %(default)s)")
    option("--root", metavar="FOLDER", type=Path, default=Path("runs/pipelines"), help="default %(default)s")


if __name__ == "__main__":
    sys.exit(main())
