"""The whole studio, as `make studio` starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.harness.process import ROOT, free_port, until
from tests.studio.world import pattern, zipped

pytestmark = pytest.mark.slow

START_TIMEOUT_S = 120.0
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Served:
    """A studio in processes of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder.parent / "log"
        settings = {"STUDIO_DATA": str(folder), "STUDIO_PORT": str(port), "STUDIO_PROCESSES": "1"}
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
def served(folder: Path) -> Iterator[Served]:
    started = Served(folder, free_port())
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


def test_from_the_first_start_to_images_in_a_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        served(folder) as studio,
        httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60) as client,
    ):
        (password,) = re.findall(r"The first user is admin, with the password (\S+):", studio.said())
        user = {"username": "admin", "password": password}
        assert post(client, "/log-in", "/log-in", user).url.path == "/"
        assert post(
            client, "/", "/datasets/add", {"name": "signs", "classes": "out_of_domain logo"}
        ).is_success
        archive = {"uploads": ("signs.zip", zipped({"logo/a.png": pattern(1)}))}
        imports = "/datasets/signs/imports"
        page = post(client, imports, f"{imports}/add", {"labels": "folders"}, files=archive).url.path
        until(lambda: "1 added" in client.get(page).text and "Done" in client.get(page).text, 120)
        assert "logo/a.png" in client.get("/datasets/signs/").text
        style = client.get("/static/studio/studio.css")
        assert style.is_success
        assert "default-src 'none'" in style.headers["Content-Security-Policy"]
        assert client.get("/studio.sqlite3").status_code == 404
        assert client.get("/static/..%2fsettings.py").status_code == 404
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    with served(folder) as studio:
        assert "password" not in studio.said()  # it was shown once


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        started = Served(tmp_path / "data", taken.getsockname()[1])
        assert started.process.wait(60) == 2
    assert re.fullmatch(r"logo-studio: STUDIO_PORT: cannot listen on \S+: .+\n", started.said())
    assert not (tmp_path / "data").exists()
