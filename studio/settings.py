"""Settings: every environment variable that the studio reads, read once.

docs/studio.md documents each with its unit and default; a test compares the two.
"""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from datasets.mediawiki import user_agent
from logo_detection.commands import hint
from logo_detection.cores import available_cores
from logo_detection.errors import LogoDetectionError
from logo_detection.fetch.policy import AllowedHost, parse_allowed_hosts

PREFIX = "STUDIO_"

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SettingsInvalid(LogoDetectionError):
    """A setting is not usable. One line, for the operator, that names it."""


def _names(text: object) -> object:
    return tuple(filter(None, (name.strip() for name in text.split(",")))) if isinstance(text, str) else text


def _origin(text: str) -> str:
    """An address without more than host and port: what stands before a path, without the slash."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("is http:// or https://, a host, and a port if need be")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("has nothing after host and port")
    _ = parts.port  # raises where it is none
    return text.rstrip("/")


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    parse_allowed_hosts(",".join(names))
    return names


def _contact(text: str) -> str:
    user_agent(text)
    return text


class Settings(BaseSettings):
    """The studio's settings; names are those of the environment variables, without their prefix."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, validate_default=False
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8090
    data: Path = Path("studio-data")
    database_url: str = ""
    secret_key: Annotated[str, Field(min_length=32)] | None = None
    https: bool = False
    names: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ("localhost", "127.0.0.1", "[::1]")
    session_s: PositiveInt = 12 * 60 * 60
    log_in_failures_max: PositiveInt = 10
    log_in_window_s: PositiveInt = 15 * 60
    processes: PositiveInt = 2
    threads: PositiveInt = 4
    request_timeout_s: PositiveInt = 600
    import_folder: Path | None = None
    upload_max_size: PositiveInt = 2 * 2**30
    zip_max_files: PositiveInt = 10_000
    zip_max_size: PositiveInt = 8 * 2**30
    file_max_size: PositiveInt = 64 * 2**20
    model: Path = Path("model_artifacts/logo-detection")
    workers: PositiveInt = Field(default_factory=available_cores)
    decode_timeout_s: Seconds = 30
    source_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_hosts)] = (
        "commons.wikimedia.org",
        "upload.wikimedia.org",
    )
    contact: Annotated[str, AfterValidator(_contact)] | None = None
    commons_api: str = "https://commons.wikimedia.org/w/api.php"
    commons_image_hosts: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_hosts)
    ] = ("upload.wikimedia.org",)
    runs_at_a_time: PositiveInt = 1
    run_stop_timeout_s: Seconds = 20
    api_requests_per_minute: PositiveInt = 600
    api_token_requests_per_minute: PositiveInt = 300
    api_token_days_max: PositiveInt = 365
    api_body_max_size: PositiveInt = 64 * 2**20
    score_workers: PositiveInt = 1
    score_timeout_s: Seconds = 60
    server_url: Annotated[str, AfterValidator(_origin)] = ""
    server_model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "logo-detection"
    server_timeout_s: Seconds = 2

    @property
    def allowed_hosts(self) -> tuple[AllowedHost, ...]:
        """Hosts of addresses that pages link to."""
        return parse_allowed_hosts(",".join(self.source_hosts))

    @property
    def secret_key_file(self) -> Path:
        """Where the key is kept that was drawn at the first start."""
        return self.data / "secret_key"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process's environment.

    Raises:
        SettingsInvalid: One of them is not usable, or two contradict each other.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsInvalid(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    if not (settings.is_local or settings.https):
        raise SettingsInvalid(
            f"STUDIO_HOST: {settings.host} can be reached from other machines, and passwords would be sent in"
            " the clear: set STUDIO_HTTPS where a proxy speaks https, or listen on 127.0.0.1"
        )
    return settings


def unknown_settings(variables: Iterable[str]) -> list[str]:
    """A line for every environment variable that has the studio's prefix, and is no setting.

    They are told and not refused: a cluster sets STUDIO_SERVICE_HOST and more for a service of that name.
    """
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    return [
        f"{variable} is no setting, and has no effect{hint(variable.upper(), known)}"
        for variable in sorted(variables)
        if variable.upper().startswith(PREFIX) and variable.upper() not in known
    ]
