"""The fetch policy: what may be fetched, where it is fetched from, and within which limits."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import Literal

from yarl import URL

from logo_detection.errors import UrlNotAllowed
from logo_detection.fetch.url import parse_url

# https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy wants a contact.
USER_AGENT = "logo-detection/1.0 (https://phabricator.wikimedia.org/tag/machine-learning-team/)"

HTTPS_PORT = 443
DEFAULT_PORTS = {"http": 80, "https": HTTPS_PORT}

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"(/(?!\.\.?/)[A-Za-z0-9._~!$&'()*+=:@-]+)*/", re.ASCII)
_ORIGIN = re.compile(r"(https?)://([^/:\[\]]+|\[[^\]]+\])(?::([1-9][0-9]{0,4}))?/?", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
RESERVED_HEADERS = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "upgrade"}
"""Those that say how a message is framed or where it goes; to set them would undo the guard."""


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host that may be fetched from, below a path prefix that begins and ends with a slash."""

    host: str
    prefix: str = "/"

    def __str__(self) -> str:
        return self.host if self.prefix == "/" else self.host + self.prefix

    def covers(self, url: URL) -> bool:
        """Whether a URL is on this host and below this prefix."""
        return url.raw_host == self.host and url.raw_path.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class OriginOverride:
    """Where requests for a host go instead of to its own addresses: the only way to a private one."""

    host: str
    scheme: Literal["http", "https"]
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}={URL.build(scheme=self.scheme, host=self.address, port=self.port)}"

    def diverted(self, url: URL) -> URL:
        """The same path and query at this origin."""
        return url.with_scheme(self.scheme).with_host(self.address).with_port(self.port)


@dataclass(frozen=True, slots=True)
class Route:
    """A URL that may be fetched, and the override that its host has, if any."""

    url: URL
    override: OriginOverride | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What may be fetched, and within which limits.

    Attributes:
        allowed_hosts: The only hosts that are fetched from.
        overrides: Where requests for some of them go instead.
        headers: Host -> headers that are sent to that host alone; they go before the caller's.
        forward_credentials: Whether the caller's credentials are sent on.
        timeout_s: Seconds for one file, all there is to wait for included, save its turn.
        max_bytes: Bytes of one file.
        concurrency: Fetches at once.
        user_agent: How the fetcher introduces itself.
    """

    allowed_hosts: tuple[AllowedHost, ...]
    overrides: tuple[OriginOverride, ...] = ()
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    forward_credentials: bool = False
    timeout_s: float = 5.0
    max_bytes: int = 64 * 2**20
    concurrency: int = 16
    user_agent: str = USER_AGENT

    def route(self, url: URL) -> Route:
        """Where a parsed URL leads: https on port 443, and any http for a host with an override.

        Raises:
            UrlNotAllowed: Nowhere; why is not said.
        """
        override = next((override for override in self.overrides if override.host == url.raw_host), None)
        if override is None and (url.scheme, url.port) != ("https", HTTPS_PORT):
            raise UrlNotAllowed
        if not any(allowed.covers(url) for allowed in self.allowed_hosts):
            raise UrlNotAllowed
        return Route(url, override)


def parse_allowed_hosts(setting: str) -> tuple[AllowedHost, ...]:
    """Parse `commons.wikimedia.org,host/prefix/`.

    Raises:
        ValueError: Not that; one line.
    """
    return tuple(_parse_allowed_host(entry) for entry in _entries(setting))


def parse_origin_overrides(setting: str) -> tuple[OriginOverride, ...]:
    """Parse `host=http://127.0.0.1:6101,other=https://name`.

    Raises:
        ValueError: Not that, or two for one host; one line.
    """
    overrides = tuple(_parse_origin_override(entry) for entry in _entries(setting))
    if len({override.host for override in overrides}) < len(overrides):
        raise ValueError("a host has more than one origin")
    return overrides


def parse_host(text: str) -> str:
    """A host name or IP address, as `URL.raw_host` has it.

    Raises:
        ValueError: It is neither; one line.
    """
    if _NAME.fullmatch(text) is not None:
        return text.lower()
    try:
        address = IPv6Address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
        return parse_url(f"https://[{address}]/").raw_host or ""
    except (ValueError, UrlNotAllowed):
        raise ValueError(f"{text!r} is not a host") from None


def _entries(setting: str) -> list[str]:
    return [entry for entry in (part.strip() for part in setting.split(",")) if entry]


def _parse_allowed_host(entry: str) -> AllowedHost:
    if "://" in entry:
        raise ValueError(f"{entry!r} is a URL: give its host alone, or host/prefix/")
    host, slash, rest = entry.partition("/")
    prefix = slash + rest or "/"
    if _PREFIX.fullmatch(prefix) is None:  # without the last slash, /wiki would open /wikimania, too
        raise ValueError(f"{entry!r} is not host/prefix/ with a plain prefix that ends with a slash")
    return AllowedHost(parse_host(host), prefix)


def _parse_origin_override(entry: str) -> OriginOverride:
    host, _, origin = entry.partition("=")
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise ValueError(f"{entry!r} is not host=http://address:port")
    scheme: Literal["http", "https"] = "https" if match[1] == "https" else "http"
    port = int(match[3] or DEFAULT_PORTS[scheme])
    if port > 65535:
        raise ValueError(f"{entry!r} has no such port")
    return OriginOverride(parse_host(host), scheme, parse_host(match[2]), port)


def read_fetch_headers(path: Path) -> dict[str, dict[str, str]]:
    """Read a JSON file, host -> header -> value.

    Raises:
        ValueError: It cannot be read, or is not that; one line, without the values, which are secrets.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(path)!r} cannot be read as JSON ({type(error).__name__})") from None
    if not isinstance(document, dict) or not all(isinstance(value, dict) for value in document.values()):
        raise ValueError(f"{str(path)!r} does not hold an object of hosts, and for each an object of headers")
    for host, headers in document.items():
        for name, value in headers.items():
            if not _is_header(name, value):
                raise ValueError(f"{str(path)!r} has a header for {host!r} that cannot be sent: {name!r}")
    return {parse_host(host): headers for host, headers in document.items()}


def _is_header(name: str, value: object) -> bool:
    return (
        _HEADER_NAME.fullmatch(name) is not None
        and name.lower() not in RESERVED_HEADERS
        and isinstance(value, str)
        and value.isascii()
        and value.isprintable()
    )
