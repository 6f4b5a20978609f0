"""logo-fit: trains a new head for a model, on Spark; writes an artifact to serve.

    logo-batch --embed --output features/ pictures/
    logo-fit --labels labels.csv --output artifact/ features/

Exit status 0: the artifact is there, whole; 2: it cannot be made as things stand, and there is none.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from batch.options import add_spark_options, number, positive, positive_seconds, share, value
from heads.labels import LABEL
from heads.retraining import TUNED_ELASTIC_NETS, TUNED_REG_PARAMS, retrain_head
from heads.spark_ml import UNTUNED
from logo_detection.artifact import shipped_artifact
from logo_detection.commands import Parser, run_command
from logo_detection.cores import available_cores


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parser().parse_args(arguments)
    return run_command("logo-fit", partial(retrain_head, options))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="logo-fit",
        description="Train a new head on features that logo-batch --embed wrote; makes an artifact to serve.",
        epilog="Exit status: 0 if the artifact is there, 2 if it cannot be made as things stand.",
    )
    option = parser.add_argument
    option("features", metavar="FEATURES", help="the table that logo-batch --embed wrote")
    option("--labels", metavar="FILE", required=True, help="CSV or Parquet with filename and a label")
    option("--label-column", metavar="NAME", default=LABEL, help="default %(default)s")
    option("--output", metavar="FOLDER", type=Path, required=True, help="the artifact to make")
    option(
        "--model",
        metavar="PATH",
        type=Path,
        default=shipped_artifact(),
        help="the artifact that the features are of (default %(default)s)",
    )
    option("--report", metavar="FOLDER", type=Path, default=Path("runs/fit"), help="default %(default)s")
    option("--images", metavar="FOLDER", type=Path, help="where the files are: the report then shows some")
    option("--name", help="of the model to be (default: that of the old one)")
    option("--version", help="of the model to be (default: the old one's, and a digest of the head)")
    _add_training_options(parser.add_argument_group("Training"))
    add_spark_options(parser.add_argument_group("Spark"))
    option(
        "--workers",
        metavar="N",
        type=value(positive),
        default=available_cores(),
        help="cores of this machine (default: all, here %(default)s)",
    )
    return parser


def _add_training_options(group: argparse._ArgumentGroup) -> None:
    option = group.add_argument
    option("--classes", metavar="LABELS", type=_names, default=(), help="the only ones, in the model's order")
    option("--hold-out", metavar="SHARE", type=value(share), default=0.2, help="default %(default)s")
    option("--seed", metavar="N", type=int, default=0, help="of the split (default %(default)s)")
    option("--iterations", metavar="N", type=value(positive), default=100, help="default %(default)s")
    option("--tune", action="store_true", help="cross-validate every regParam with every elasticNetParam")
    option(
        "--tune-time-s",
        metavar="SECONDS",
        type=value(positive_seconds),
        default=600.0,
        help="after so many no further pair of them is tried (default %(default)s)",
    )
    option("--folds", metavar="N", type=value(_folds), default=3, help="of --tune (default %(default)s)")
    option(
        "--reg-param",
        metavar="NUMBERS",
        type=value(_numbers),
        help=f"default {UNTUNED.reg_param:g}; with --tune {_listed(TUNED_REG_PARAMS)}",
    )
    option(
        "--elastic-net",
        metavar="NUMBERS",
        type=value(_shares),
        help=f"share of L1: default {UNTUNED.elastic_net_param:g}; with --tune {_listed(TUNED_ELASTIC_NETS)}",
    )


def _listed(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    numbers = tuple(number(part) for part in text.split(","))
    if not all(0 <= each < float("inf") for each in numbers):
        raise ValueError(f"{text!r} is not numbers from 0 on, with commas between them")
    return numbers


def _shares(text: str) -> tuple[float, ...]:
    if max(_numbers(text)) > 1:
        raise ValueError(f"{text!r} is not numbers from 0 to 1, with commas between them")
    return _numbers(text)


def _folds(text: str) -> int:
    if positive(text) < 2:
        raise ValueError("there are two folds or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
