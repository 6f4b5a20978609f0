"""logo-batch: how likely are these many files logos? A table of Parquet, on this machine or on Spark.

    logo-batch --output scores/ pictures/
    logo-batch --engine spark --master yarn --read parquet --names names.txt --table my.logos hdfs:///images

Exit status 0: every input has its row, if only with an error; 1: so it has, and nothing was scored; 2: the
inputs, the output, the artifact or the command line are unusable. What was scored before a job ended early is
not scored again.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

from batch.batch_scorer import ScorerConfig
from batch.errors import BatchError
from batch.inputs import is_remote, is_url
from batch.local import score_locally
from batch.options import (
    add_fetch_options,
    add_model_options,
    add_spark_options,
    fetch_policy,
    positive,
    positive_seconds,
    value,
)
from batch.output import Output
from batch.rows import OUTCOME_SCORED, PARTITIONS, RowSchema, Tally, version_in
from batch.sources import InputSource, find_source, without_file_scheme
from batch.target import find_target
from logo_detection.artifact import load_artifact
from logo_detection.commands import GOES_ON, Parser, hint, run_command
from logo_detection.errors import item_codes, local_codes
from logo_detection.head import check_features
from logo_detection.scoring import DECODE_TIMEOUT_S

ROWS_PER_FILE = 10_000
NONE_SCORED = 1
OF_SPARK = ("master", "java_home", "conf", "table", "archive", "verbose")
"""Options that mean nothing to the local engine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_command("logo-batch", partial(_command, given), GOES_ON)


def _command(given: list[str]) -> int:
    match given:
        case ["pack", *arguments]:
            from batch import environment

            environment.run_pack(arguments)
            return 0
        case ["fit", *_]:
            raise BatchError("fit is a command of its own: logo-fit, with the same options")
        case _:
            return _score(_parser().parse_args(given))


def _score(options: argparse.Namespace) -> int:
    began = perf_counter()
    artifact = load_artifact(options.model)
    target = find_target(artifact, options.target)
    model = replace(artifact.model_source(options.runtime, options.precision), embed=options.embed)
    row_schema = RowSchema(version_in(artifact.version, model.precision), target, options.embed)
    if model.embed and model.runtime == "openvino":
        check_features(model.path)  # here, rather than in every executor; of Keras, the workers tell
    policy = fetch_policy(options)
    config = ScorerConfig(model, row_schema, policy, options.workers, options.decode_timeout_s)
    source = find_source(options.inputs, options.read, options.names)
    _check_apart(source.paths, options.output or "")
    tally = _engine(options, source, config)
    sys.stderr.write(
        f"{_summary(tally)} in {perf_counter() - began:.1f} s by {artifact.name} {artifact.version}"
        f" ({model.runtime} {model.precision}, {options.engine})\n"
    )
    is_idle = bool(tally.before) and not tally.outcomes
    return 0 if is_idle or tally.outcomes[OUTCOME_SCORED] else NONE_SCORED


def _engine(options: argparse.Namespace, source: InputSource, config: ScorerConfig) -> Tally:
    partition_by = tuple(dict.fromkeys(options.partition_by))
    if options.engine == "local":
        if others := [name for name in OF_SPARK if getattr(options, name)]:
            raise BatchError(f"--{others[0].replace('_', '-')} goes with --engine spark")
        if not options.output:
            raise BatchError("the local engine writes to a folder: --output FOLDER")
        _check_local(options.output, *source.paths, options.names or "")
        output = Output(Path(without_file_scheme(options.output)), partition_by)
        return score_locally(source, output, config, options.rows_per_file, options.retry)
    from batch.spark import Session, SparkOutput, score_on_spark  # the only road to PySpark

    if bool(options.table) == bool(options.output):
        raise BatchError("rows go to one place: --output FOLDER or --table NAME")
    spark_output = SparkOutput(options.table or options.output, bool(options.table), partition_by)
    session = Session(
        options.master,
        options.archive,
        options.java_home,
        tuple(options.conf),
        options.workers,
        verbose=options.verbose,
    )
    return score_on_spark(session, source, spark_output, config, options.rows_per_file, options.retry)


def _check_apart(inputs: Sequence[str], output: str) -> None:
    """Raise BatchError for an output in an input's folder: what is written there would be read as inputs."""
    folder = without_file_scheme(output)
    if not output or is_url(folder):
        return
    real = Path(os.path.realpath(folder))
    for given in map(without_file_scheme, inputs):
        if os.path.isdir(given) and real.is_relative_to(os.path.realpath(given)):  # noqa: PTH112  of any name
            raise BatchError(f"the output {output} is in the input {given}: choose one outside it")


def _check_local(*paths: str) -> None:
    if of_spark := next((path for path in paths if is_remote(without_file_scheme(path))), None):
        raise BatchError(f"{of_spark} goes with --engine spark: the local engine has files of this machine")


def _summary(tally: Tally) -> str:
    scored, results = tally.outcomes[OUTCOME_SCORED], sum(tally.outcomes.values())
    errors = "".join(f", {error}" for error in _errors(tally.outcomes))
    return f"{scored:,} of {results:,} files scored{errors}{_before(tally.before)}"


def _before(outcomes: Counter[str]) -> str:
    if not outcomes:
        return ""
    errors = ", ".join(_errors(outcomes))
    retry = f", with {errors}; --retry CODES scores such anew" if errors else ""
    return f" ({outcomes.total():,} were there{retry})"


def _errors(outcomes: Counter[str]) -> list[str]:
    return [f"{code} {count:,}" for code, count in sorted(outcomes.items()) if code != OUTCOME_SCORED]


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="logo-batch",
        usage="%(prog)s [options] INPUT...\n       %(prog)s pack [options] ARCHIVE\n"
        "       %(prog)s fit [options] --labels FILE --output FOLDER FEATURES",
        description="How likely are these many files logos? Writes Parquet, a row for every input.",
        epilog="Exit status: 0 if every input has its row, 1 if so and none was scored, 2 if the job cannot"
        " be done as it stands.",
    )
    option = parser.add_argument
    option(
        "inputs", metavar="INPUT", nargs="+", help="files, folders, patterns, URLs; a table; or a manifest"
    )
    option("--engine", choices=["local", "spark"], default="local", help="default %(default)s")
    option(
        "--output",
        metavar="FOLDER",
        type=value(_utf8),
        help="where the rows go; a job that ended early goes on there",
    )
    option(
        "--read",
        choices=["files", "parquet", "manifest"],
        help="what INPUT is (default: a table where it ends in .parquet, a list of URLs where it ends in .txt"
        " or .csv, else files)",
    )
    option("--names", metavar="FILE", help="the names that are wanted of a table: one a line, or Parquet")
    option(
        "--partition-by",
        metavar="COLUMNS",
        type=value(_columns),
        action="extend",
        default=[],
        help=f"a folder for each value of these columns, in their order: some of {', '.join(PARTITIONS)}",
    )
    option(
        "--retry",
        metavar="CODES",
        type=value(_codes),
        action="extend",
        default=[],
        help="score anew what has a row with one of these errors, such as fetch_failed,fetch_timeout",
    )
    option("--embed", action="store_true", help="write the features before the model's head, too")
    option(
        "--rows-per-file",
        metavar="N",
        type=value(positive),
        default=ROWS_PER_FILE,
        help="at most, and so how much is scored again after a crash; on Spark fewer, where that gives every"
        " core work (default %(default)s)",
    )
    option(
        "--decode-timeout-s",
        metavar="SECONDS",
        type=value(positive_seconds),
        default=DECODE_TIMEOUT_S,
        help="for one file in its worker, which is then killed and replaced (default %(default)s)",
    )
    add_model_options(parser)
    spark = parser.add_argument_group("Spark")
    add_spark_options(spark)
    spark.add_argument(
        "--table", metavar="NAME", help="write to a table of the Hive metastore, not to a folder"
    )
    spark.add_argument(
        "--archive", metavar="FILE", help="the environment of the executors, as `logo-batch pack` made it"
    )
    add_fetch_options(parser)
    return parser


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{os.fsencode(text)!r} is not UTF-8") from error
    return text


def _codes(text: str) -> tuple[str, ...]:
    codes, known = tuple(text.split(",")), (*item_codes(), *local_codes())
    if unknown := [code for code in codes if code not in known]:
        raise ValueError(f"{unknown[0]!r} is no error's code{hint(unknown[0], known)}")
    return codes


def _columns(text: str) -> tuple[str, ...]:
    columns = tuple(text.split(","))
    if unknown := [column for column in columns if column not in PARTITIONS]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(PARTITIONS)}")
    return columns


if __name__ == "__main__":
    sys.exit(main())
