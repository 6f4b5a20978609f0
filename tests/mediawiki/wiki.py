"""A real MediaWiki: Debian's own, installed by `install.sh`, served by PHP on a free port of 127.0.0.1."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.harness.process import free_port

HERE = Path(__file__).parent
HOST, GERMAN_HOST = "stash.test", "german.stash.test"
"""As the wiki knows itself, by the language that it speaks; it is reached by its addresses."""
PAGED_TIFF_HANDLER = "PAGED_TIFF_HANDLER"
"""The environment variable that names a checkout of that extension."""
INSTALL_TIMEOUT_S = 900.0
START_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 120.0
PHP_PROCESSES = 4


@dataclass(frozen=True, slots=True)
class MediaWiki:
    """An installed wiki that answers, in English and in German, and its users `Uploader` and `Other`."""

    english: str
    german: str
    password: str = field(repr=False)

    def log_in(self, user: str) -> "Session":
        """A session of a user's own."""
        session = Session(self.english)
        token = session.call(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        entered = {"username": user, "password": self.password, "logintoken": token}
        answer = session.call(action="clientlogin", loginreturnurl=f"https://{HOST}/", **entered)
        if answer.get("clientlogin", {}).get("status") != "PASS":
            raise RuntimeError(f"the wiki does not let {user} in: {answer}")
        return session


class Session:
    """A user's conversation with the wiki's API, and the cookies that it is known by."""

    def __init__(self, url: str) -> None:
        self._api = f"{url}/api.php"
        self._cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str:
        """The value of the header `Cookie`."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def call(self, file: tuple[str, bytes] | None = None, **parameters: str) -> dict[str, Any]:
        """What the API answers."""
        headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Cookie": self.cookie}
        data = {**parameters, "format": "json", "formatversion": "2"}
        files = {"file": file} if file else None
        response = httpx.post(self._api, headers=headers, data=data, files=files, timeout=REQUEST_TIMEOUT_S)
        response.raise_for_status()
        # Secure cookies, over http: no cookie jar would keep them.
        self._cookies |= {cookie.name: cookie.value or "" for cookie in response.cookies.jar}
        return dict(response.json())

    def stash(self, name: str, content: bytes) -> str:
        """Upload a file to the stash. Returns its key."""
        token = self.call(action="query", meta="tokens")["query"]["tokens"]["csrftoken"]
        flags = {"stash": "1", "ignorewarnings": "1", "filename": name}
        answer = self.call(file=(name, content), action="upload", token=token, **flags)
        if answer.get("upload", {}).get("result") != "Success":
            raise RuntimeError(f"the wiki does not take {name}: {answer}")
        return str(answer["upload"]["filekey"])


@contextmanager
def running_wiki(directory: Path) -> Iterator[MediaWiki]:
    """Install a wiki in a directory, serve it, and end it afterwards."""
    password = secrets.token_urlsafe(16)
    handler = os.environ.get(PAGED_TIFF_HANDLER)
    install = [str(HERE / "install.sh"), str(directory), *([handler] if handler else [])]
    with (directory.parent / "install.log").open("wb") as log:
        environment = {**os.environ, "WIKI_PASSWORD": password}
        logged: dict[str, Any] = {"stdout": log, "stderr": subprocess.STDOUT}
        subprocess.run(install, check=True, timeout=INSTALL_TIMEOUT_S, env=environment, **logged)
    with _served(directory, HOST, "en") as english, _served(directory, GERMAN_HOST, "de") as german:
        yield MediaWiki(english, german, password)


@contextmanager
def _served(directory: Path, host: str, language: str) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    settings = {"upload_max_filesize": "64M", "post_max_size": "64M", "memory_limit": "1G"}
    options = [argument for item in settings.items() for argument in ("-d", "=".join(item))]
    with (directory.parent / f"php-{language}.log").open("wb") as log:
        process = subprocess.Popen(
            ["php", *options, "-S", address, HERE / "router.php"],
            env={
                "PATH": os.environ["PATH"],
                "MW_CONFIG_FILE": str(directory / "LocalSettings.php"),
                "WIKI_HOST": host,
                "WIKI_LANGUAGE": language,
                "PHP_CLI_SERVER_WORKERS": str(PHP_PROCESSES),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_answered(f"http://{address}/api.php", process)
            yield f"http://{address}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _wait_until_answered(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            httpx.get(url, headers={"Host": HOST, "X-Forwarded-Proto": "https"}, timeout=START_TIMEOUT_S)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the wiki does not answer; see php-en.log and php-de.log")
