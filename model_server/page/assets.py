"""The page's assets: what a browser is sent, read once and served from memory.

The files stand beside this module and are served as they are; `facts.json` alone is made at the start, from
what this server allows. The scripts read it, and ask the model's V2 metadata for classes and thresholds.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

import orjson

from model_server.limits import Limits

ROOT = "/"
FACTS = "/page/facts.json"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}

REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")

# Nothing is loaded but from this server, nothing inline runs, and no text can become markup.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """What is answered to a GET, and as what media type."""

    body: bytes
    media_type: str


Assets = Mapping[str, Asset]
"""The page's assets by their paths in the URL; the page itself has the path ROOT."""


def read_assets(model_name: str, allowed_hosts: Iterable[object], limits: Limits) -> Assets:
    """Read the page.

    Args:
        model_name: In the URL of the model.
        allowed_hosts: What the fetcher may fetch from: hosts with their path prefixes.
        limits: What a request may have.
    """
    facts = {
        "model": model_name,
        "hosts": [str(host) for host in allowed_hosts],
        "images_max_num": limits.images_max_num,
        "image_max_bytes": limits.image_max_bytes,
    }
    found = {
        ROOT if file.name == "index.html" else f"/page/{file.name}": _asset(file.name, file.read_bytes())
        for file in files(__package__).iterdir()
        if _suffix(file.name) in MEDIA_TYPES
    }
    return {**found, FACTS: _asset(FACTS, orjson.dumps(facts))}


def accepts_html(accept: str) -> bool:
    """Whether an Accept header names HTML, as browsers' do; any type (`*/*`) is how programs ask."""
    for entry in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        if media_type == "text/html":
            return not any(REFUSED.fullmatch(part) for part in parameters)
    return False


def _asset(name: str, body: bytes) -> Asset:
    return Asset(body, MEDIA_TYPES[_suffix(name)])


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
