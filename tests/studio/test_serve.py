"""The whole studio, as `make studio` starts it."""

import re
import socket
from pathlib import Path

import httpx
import pytest

from tests.studio.served import Served, log_in, make_and_fill_dataset, served

pytestmark = pytest.mark.slow


def test_from_the_first_start_to_images_in_a_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        served(folder) as studio,
        httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60) as client,
    ):
        log_in(client, studio)
        make_and_fill_dataset(client)
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
