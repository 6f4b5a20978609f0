"""The API of a whole studio: the lines of the docs, made-up requests, and a real browser under its policy."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.harness.process import ROOT
from tests.harness.tools import required
from tests.studio.api.test_oauth import ASKED
from tests.studio.served import Served, log_in, post, served
from tests.studio.world import pattern, zipped

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "studio-api.md").read_text()
CURL = re.findall(r"^    (curl .*)$", PAGE, re.M)
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
TIMEOUT_S = 240
CONSENT_MS = 60_000


@pytest.fixture(scope="module")
def running(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, httpx.Client]]:
    """A studio, and a browser that is logged in there."""
    folder = tmp_path_factory.mktemp("served") / "data"
    limits = {"STUDIO_API_REQUESTS_PER_MINUTE": "1000000", "STUDIO_API_TOKEN_REQUESTS_PER_MINUTE": "1000000"}
    with (
        served(folder, STUDIO_RUNS_AT_A_TIME="1", **limits) as studio,
        httpx.Client(base_url=studio.url, follow_redirects=True, timeout=60) as client,
    ):
        log_in(client, studio)
        yield studio, client


@pytest.fixture(scope="module")
def token(running: tuple[Served, httpx.Client]) -> str:
    _, client = running
    page = post(client, "/tokens", "/tokens", {"name": "docs", "scope": "administer", "days": "1"}).text
    return str(re.findall(r'id="token">([^<]+)<', page)[0])


def register(client: httpx.Client, **fields: str) -> dict[str, str]:
    asked = {
        "name": "app", "authorization_grant_type": "authorization-code", "client_type": "public",
        "redirect_uris": "", **fields,
    }  # fmt: skip
    page = post(client, "/applications", "/applications", asked).text
    return dict(re.findall(r'id="(client|secret)">([^<]+)<', page))


@pytest.fixture
def environment(running: tuple[Served, httpx.Client], token: str, tmp_path: Path) -> dict[str, str]:
    """What the lines of the docs need, in the folder in which they run."""
    studio, _ = running
    (tmp_path / "signs.zip").write_bytes(
        zipped({"logo/a.png": pattern(1), "b.png": pattern(2, (10, 90, 200))})
    )
    (tmp_path / "picture.png").write_bytes(pattern(3))
    return {**os.environ, "STUDIO": studio.url, "TOKEN": token}


def test_the_lines_of_the_docs_do_what_they_say(
    running: tuple[Served, httpx.Client], environment: dict[str, str], tmp_path: Path
) -> None:
    _, client = running
    (admin,) = re.findall(r'<option value="(\d+)">admin<', client.get("/applications").text)
    bot = register(
        client,
        name="bot",
        authorization_grant_type="client-credentials",
        client_type="confidential",
        user=admin,
    )
    required("curl")
    assert len(CURL) == 5
    for line in CURL:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**environment, "CLIENT": bot["client"], "SECRET": bot["secret"]},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert done.stdout.startswith("{"), line


def test_the_example_of_the_docs_runs(
    running: tuple[Served, httpx.Client], environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    number, state = done.stdout.split()
    assert state == "waiting"
    client = httpx.Client(
        base_url=environment["STUDIO"],
        headers={"Authorization": f"Bearer {environment['TOKEN']}"},
        timeout=60,
    )
    with client:
        assert client.post(f"/api/datasets/maps/runs/{number}/cancel/", json={}).is_success
        assert client.get("/api/datasets/maps/").json()["balance"] == {"out_of_domain": 1, "logo": 1, "-": 0}


def test_made_up_requests_find_no_fault(
    running: tuple[Served, httpx.Client], token: str, tmp_path: Path
) -> None:
    studio, _ = running
    found = subprocess.run(
        [
            SCHEMATHESIS, "--no-color", f"--config-file={CONFIG}", "run",
            f"{studio.url}/api/schema/?format=json", f"--header=Authorization: Bearer {token}",
            "--max-examples=4", "--phases=examples,fuzzing",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr
    assert "No issues found" in found.stdout


def test_a_browser_reads_and_sends_and_lets_an_application_act_under_the_policy(
    running: tuple[Served, httpx.Client],
) -> None:
    studio, client = running
    back = "http://127.0.0.1:9/back"
    application = register(client, redirect_uris=back)
    said: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=required("chromium"))
        page = chromium.new_page()
        page.set_default_timeout(CONSENT_MS)
        page.on("console", lambda message: said.append(message.text))
        page.context.add_cookies(
            [{"name": name, "value": value, "url": studio.url} for name, value in client.cookies.items()]
        )
        page.goto(f"{studio.url}/api/")
        page.get_by_role("link", name="/api/datasets/").click()
        page.get_by_label("name").fill("by-browser")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("201 Created").wait_for()
        asked = {"client_id": application["client"], **ASKED, "redirect_uri": back}
        page.goto(f"{studio.url}/oauth/authorize?{urlencode(asked)}")
        with page.expect_request(lambda request: request.url.startswith(back)) as sent:
            page.get_by_role("button", name="Allow").click(no_wait_after=True)
        assert parse_qs(urlsplit(sent.value.url).query)["state"] == ["so"]
        chromium.close()
    assert not [
        line for line in said if "Content Security Policy" in line or "Content-Security-Policy" in line
    ]
