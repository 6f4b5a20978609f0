"""The model server: which version it serves, asked of it.

Its address is the operator's, from the environment: nobody who uses the studio has a say in where it
connects to. What answers there is believed to be no more than a text to show: a redirect is not followed, and
what is too long or late is no answer.
"""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR, socket
from urllib.parse import quote, urlsplit

from studio.publishing.models import MAX_VERSION_CHARS
from studio.settings import Settings

MAX_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Served:
    """What a server says.

    Attributes:
        is_asked: Whether there is one to ask.
        version: That it serves; empty where it did not say.
        problem: Why not.
    """

    is_asked: bool
    version: str = ""
    problem: str = ""


def ask_served(settings: Settings) -> Served:
    """The version that the server of the settings serves."""
    if not settings.server_url:
        return Served(False)
    try:
        with _connection(settings.server_url, settings.server_timeout_s) as connection:
            connection.request("GET", f"/v2/models/{quote(settings.server_model)}", headers={"Accept": "*/*"})
            response = connection.getresponse()
            if response.status != http.client.OK:
                return Served(True, problem=f"it answers {response.status}")
            return Served(True, _version(response.read(MAX_BYTES)))
    except (OSError, HTTPException):  # also of a timeout, in the midst of whatever it waited for
        return Served(True, problem="it does not answer")
    except (ValueError, LookupError, TypeError):
        return Served(True, problem="it answers something else than a model server does")


@contextmanager
def _connection(url: str, timeout_s: float) -> Iterator[HTTPConnection]:
    """A connection that is shut when the time is over, however slowly bytes come."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.connect()
        timer = threading.Timer(timeout_s, _shut, [connection.sock])
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            timer.join()
    finally:
        connection.close()


def _shut(connected: socket) -> None:
    with suppress(OSError):  # the other end was quicker
        connected.shutdown(SHUT_RDWR)


def _version(body: bytes) -> str:
    version = json.loads(body)["versions"][0]
    if not isinstance(version, str) or len(version) > MAX_VERSION_CHARS or not version.isprintable():
        raise ValueError("a version is a short text")
    return version
