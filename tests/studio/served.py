"""A studio in processes of its own, as `make studio` starts it, and what a browser does with its forms."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.harness.process import ROOT, free_port, until
from tests.studio.world import pattern, zipped

START_TIMEOUT_S = 240.0
IMPORT_TIMEOUT_S = 240.0
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Served:
    """A studio in processes of its own."""

    def __init__(self, folder: Path, port: int, **more: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder.parent / "log"
        settings = {"STUDIO_DATA": str(folder), "STUDIO_PORT": str(port), "STUDIO_PROCESSES": "1", **more}
        kept = {name: value for name, value in os.environ.items() if name != "STUDIO_SECRET_KEY"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "studio"], cwd=ROOT, env={**kept, **settings}, stdout=log, stderr=log
            )

    def said(self) -> str:
        return self._log.read_text()

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.said()
        try:
            return httpx.get(f"{self.url}/log-in", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def served(folder: Path, **more: str) -> Iterator[Served]:
    started = Served(folder, free_port(), **more)
    try:
        until(started.is_up, START_TIMEOUT_S)
        yield started
    finally:
        if started.process.poll() is None:
            assert started.end() == 0


def post(
    client: httpx.Client, page: str, address: str, data: dict[str, str], **more: object
) -> httpx.Response:
    """Fill in the form of a page."""
    (token, *_) = TOKEN.findall(client.get(page).text)
    return client.post(address, data={**data, "csrfmiddlewaretoken": token}, **more)  # type: ignore[arg-type]


def first_password(studio: Served) -> str:
    """The first administrator's, as it was printed."""
    (password,) = re.findall(r"The first user is admin, with the password (\S+):", studio.said())
    return str(password)


def log_in(client: httpx.Client, studio: Served) -> None:
    """As the first administrator."""
    form = {"username": "admin", "password": first_password(studio)}
    assert post(client, "/log-in", "/log-in", form).url.path == "/"


def make_and_fill_dataset(client: httpx.Client) -> None:
    """A data set `signs`, with one image, `logo/a.png`."""
    assert post(client, "/", "/datasets/add", {"name": "signs", "classes": "out_of_domain logo"}).is_success
    archive = {"uploads": ("signs.zip", zipped({"logo/a.png": pattern(1)}))}
    imports = "/datasets/signs/imports"
    page = post(client, imports, f"{imports}/add", {"labels": "folders"}, files=archive).url.path
    until(lambda: "Done: 1 added" in client.get(page).text, IMPORT_TIMEOUT_S)
    assert "logo/a.png" in client.get("/datasets/signs/").text
