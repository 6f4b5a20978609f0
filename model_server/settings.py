"""Settings: every environment variable that the server reads, read once.

docs/operations.md documents each with its unit and default; a test compares the two.
"""

import os
import resource
import socket
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from logo_detection.classifier import Precision
from logo_detection.cores import available_cores
from logo_detection.fetch.policy import (
    AllowedHost,
    FetchPolicy,
    OriginOverride,
    parse_allowed_hosts,
    parse_origin_overrides,
    read_fetch_headers,
)

OTHER_FILES = 200
"""Open at the same time as connections and fetches: libraries, the workers' sockets, the event loop's."""

MEMORY_MIN_BYTES = 128 * 2**20
MEMORY_SHARE = 2
"""Bodies or files of the largest size that FETCH_MEMORY_MAX holds, where it is not set."""
QUEUE_MIN_IMAGES = 200
QUEUE_SHARE = 4
"""Requests of the most items that QUEUE_MAX_IMAGES holds, where it is not set."""

GRPC_PACKAGES = ("grpc_health", "grpc_reflection")
"""What the extra `grpc` has beside what KServe brings."""

NEVER_EMPTY = ("MODEL_PATH", "ALLOWED_HOSTS")
"""An empty variable is an unset one, but for these: another model, or more hosts, is no small slip."""

MISSPELT = 0.8
"""From 0 to 1, how alike to a setting's name a variable's is that is taken for a misspelt one."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _memory_for(settings: dict[str, int]) -> int:
    return max(MEMORY_MIN_BYTES, MEMORY_SHARE * max(settings["body_max_size"], settings["fetch_max_size"]))


def _queue_for(settings: dict[str, int]) -> int:
    return max(QUEUE_MIN_IMAGES, QUEUE_SHARE * settings["images_max_num"])


def _local(path: object) -> object:
    if isinstance(path, str) and "://" in path:
        raise ValueError(
            f"{path!r} is no folder or file of this machine; KServe fetches a storage URI to /mnt/models"
        )
    return path


class SettingsError(Exception):
    """A setting is not usable. One line, for the operator, that names it."""


class Settings(BaseSettings):
    """The server's settings; names are those of the environment variables, in lower case."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, validate_default=False
    )

    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "logo-detection"
    model_path: Annotated[Path, BeforeValidator(_local)] = Path("model_artifacts/logo-detection")
    runtime: Literal["auto", "openvino", "keras"] = "auto"
    image_height: PositiveInt | None = None
    image_width: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    chunk_size: PositiveInt | None = None
    precision: Literal[Precision, "auto"] = "f32"
    workers: PositiveInt = Field(default_factory=available_cores)
    images_max_num: PositiveInt = 50
    image_max_size: PositiveInt = 4 * 2**20
    body_max_size: PositiveInt = 64 * 2**20
    fetch_max_size: PositiveInt = 64 * 2**20
    fetch_concurrency: PositiveInt = 16
    fetch_memory_max: PositiveInt = Field(default_factory=_memory_for)
    image_max_pixels: PositiveInt = 100_000_000
    allowed_hosts: Annotated[tuple[AllowedHost, ...], NoDecode, BeforeValidator(parse_allowed_hosts)] = (
        parse_allowed_hosts("commons.wikimedia.org,upload.wikimedia.org")
    )
    origin_overrides: Annotated[
        tuple[OriginOverride, ...], NoDecode, BeforeValidator(parse_origin_overrides)
    ] = ()
    fetch_headers_file: Path | None = None
    forward_credentials: bool = False
    fetch_timeout_s: Seconds = 5
    request_timeout_s: Seconds = 12
    decode_timeout_s: Seconds = 3
    slow_request_s: Seconds = 5
    queue_max_images: PositiveInt = Field(default_factory=_queue_for)
    connections_max: PositiveInt = 1000
    drain_delay_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    log_format: Literal["text", "json"] = "text"
    try_page: bool = False
    grpc_port: Annotated[int, Field(ge=1, le=65535)] | None = None


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process's environment.

    Raises:
        SettingsError: One of them is not usable, or two contradict each other.
    """
    if empty := next((name for name in NEVER_EMPTY if os.environ.get(name) == ""), None):
        none = " (a comma for no host)" if empty == "ALLOWED_HOSTS" else ""
        raise SettingsError(f"{empty}: it is empty; give it a value{none}, or unset it for its default")
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    for name in ("body_max_size", "fetch_max_size"):
        if getattr(settings, name) > settings.fetch_memory_max:
            raise SettingsError(
                f"{name.upper()}: {getattr(settings, name)} may not exceed FETCH_MEMORY_MAX, "
                f"{settings.fetch_memory_max}; leave that unset, and it follows"
            )
    if settings.grpc_port == settings.port:
        raise SettingsError(f"GRPC_PORT: {settings.port} is PORT already")
    if settings.images_max_num > settings.queue_max_images:
        raise SettingsError(
            f"IMAGES_MAX_NUM: {settings.images_max_num} may not exceed QUEUE_MAX_IMAGES, "
            f"{settings.queue_max_images}; leave that unset, and it follows"
        )
    allowed = {allowed_host.host for allowed_host in settings.allowed_hosts}
    for override in settings.origin_overrides:
        if override.host not in allowed:
            raise SettingsError(f"ORIGIN_OVERRIDES: {override.host} is no host of ALLOWED_HOSTS")
    return settings


def misspelt_settings(variables: Iterable[str]) -> list[str]:
    """A line for every environment variable whose name is nearly that of a setting, and has no effect.

    It is a warning and no error: a cluster sets variables of its own, whose names nobody here chooses.
    """
    settings = [name.upper() for name in Settings.model_fields]
    return [
        f"{variable} is no setting, and has no effect; did you mean {nearest}?"
        for variable in sorted(variables)
        if variable.upper() not in settings
        for nearest in get_close_matches(variable.upper(), settings, n=1, cutoff=MISSPELT)
    ]


def unused_settings(settings: Settings) -> list[str]:
    """Variables of LiftWing's server that are set here and have no effect."""
    return [name.upper() for name in ("batch_size", "chunk_size") if getattr(settings, name) is not None]


def ineffective_timeouts(settings: Settings) -> list[str]:
    """A line for every timeout that a request's own one ends before, so that it never tells its own story."""
    limit_s = settings.request_timeout_s
    return [
        f"{name.upper()}: {getattr(settings, name):g} s is not below REQUEST_TIMEOUT_S, {limit_s:g} s,"
        " which comes first: such files are deadline_exceeded"
        for name in ("fetch_timeout_s", "decode_timeout_s")
        if getattr(settings, name) >= limit_s
    ]


def check_ports(settings: Settings) -> None:
    """Find out now what the servers would after the workers have started.

    Raises:
        SettingsError: Nothing can listen on a port, or gRPC is not installed.
    """
    ports = {"PORT": settings.port, "GRPC_PORT": settings.grpc_port}
    for name, port in ports.items():
        try:
            if port is not None:
                socket.create_server(("0.0.0.0", port)).close()  # noqa: S104  where they will listen
        except OSError as error:
            raise SettingsError(f"{name}: cannot listen on {port}: {error.strerror}") from error
    if settings.grpc_port is not None and not all(map(find_spec, GRPC_PACKAGES)):
        raise SettingsError("GRPC_PORT: requirements/grpc.txt is not installed")


def open_enough_files(settings: Settings) -> None:
    """Let this process open a file for each connection, each fetch, and what else there is.

    Raises:
        SettingsError: The system does not allow so many.
    """
    listeners = 1 if settings.grpc_port is None else 2
    needed = listeners * settings.connections_max + settings.fetch_concurrency + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise SettingsError(f"CONNECTIONS_MAX: this process may open {hard} files only, and needs {needed}")
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def read_fetch_policy(settings: Settings) -> FetchPolicy:
    """What the settings let the fetcher do; reads FETCH_HEADERS_FILE.

    Raises:
        SettingsError: That file is not usable.
    """
    try:
        headers = read_fetch_headers(settings.fetch_headers_file) if settings.fetch_headers_file else {}
    except ValueError as error:
        raise SettingsError(f"FETCH_HEADERS_FILE: {error}") from error
    return FetchPolicy(
        allowed_hosts=settings.allowed_hosts,
        overrides=settings.origin_overrides,
        headers=headers,
        forward_credentials=settings.forward_credentials,
        timeout_s=settings.fetch_timeout_s,
        max_bytes=settings.fetch_max_size,
        concurrency=settings.fetch_concurrency,
    )
