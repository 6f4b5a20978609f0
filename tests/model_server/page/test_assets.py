"""What the server sends of the page, without a browser: to whom, under which policy, and nothing foreign."""

import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from shutil import copy, copytree

import httpx
import pytest

import model_server.page
from logo_detection.errors import item_codes
from model_server.limits import Limits
from model_server.page.assets import FACTS, accepts_html, read_assets
from tests.harness.process import ROOT
from tests.harness.server import RunningServer
from tests.model_server.conftest import Start

FOLDER = Path(model_server.page.__file__).parent
BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ALIVE = {"status": "alive"}
ASSETS = read_assets("logo-detection", ["a.test"], Limits(50, 4 << 20, 64 << 20))
MEDIA_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "json": "application/json",
}


def get(server: RunningServer, path: str = "/", accept: str | None = BROWSERS) -> httpx.Response:
    return httpx.get(server.url + path, headers={"accept": accept} if accept else {})


class Markup(HTMLParser):
    """Every element with its attributes, and the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] in ("script", "style"):
            self.inline += data.strip()


def test_a_browser_is_shown_the_page(trying: RunningServer) -> None:
    response = get(trying)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["vary"] == "accept"
    assert "<h1>Logo detection</h1>" in response.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/*", "text/html;q=0, */*", ""])
def test_everyone_else_is_answered_as_before(trying: RunningServer, accept: str) -> None:
    response = httpx.get(trying.url, headers={"accept": accept})
    assert (response.status_code, response.json()) == (200, ALIVE)
    assert response.headers["vary"] == "accept"


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        (BROWSERS, True),
        ("TEXT/HTML", True),
        ("application/json, text/html;charset=utf-8;q=0.1", True),
        ("text/html;q=0", False),
        ("text/html; q = 0.000", False),
        ("application/xhtml+xml", False),
        ("text/htmlx", False),
        (",;,", False),
    ],
)
def test_who_names_html_accepts_it(accept: str, accepted: bool) -> None:
    assert accepts_html(accept) == accepted


@pytest.mark.parametrize("path", sorted(ASSETS))
def test_an_asset_comes_with_its_type_under_the_policy(trying: RunningServer, path: str) -> None:
    response = get(trying, path)
    kind = "html" if path == "/" else path.rsplit(".", 1)[1]
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == MEDIA_TYPES[kind]
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_an_asset_is_only_read(trying: RunningServer) -> None:
    head = httpx.head(f"{trying.url}/page/style.css")
    assert (head.status_code, head.content) == (200, b"")
    post = httpx.post(f"{trying.url}/page/style.css")
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/page", "/page/", "/page/index.html", "/page/assets.py", "/page/%2e%2e/v2"]
)
def test_nothing_else_is_served(trying: RunningServer, path: str) -> None:
    assert get(trying, path).status_code == 404


def test_without_the_setting_there_is_no_page(server: RunningServer) -> None:
    response = get(server)
    assert (response.status_code, response.json()) == (200, ALIVE)
    assert not response.headers.keys() & {"vary", "content-security-policy"}
    for path in ASSETS.keys() - {"/"}:
        missing = get(server, path)
        assert (missing.status_code, missing.json()) == (404, {"error": "not found"})


def test_the_page_says_what_the_server_allows(start: Start) -> None:
    settings = {"MODEL_NAME": "marks", "ALLOWED_HOSTS": "a.test,b.test/x/", "IMAGES_MAX_NUM": 7}
    with start(TRY_PAGE="true", **settings, IMAGE_MAX_SIZE=1000, until="/v1/models/marks") as server:
        assert get(server, FACTS).json() == {
            "model": "marks",
            "hosts": ["a.test", "b.test/x/"],
            "images_max_num": 7,
            "image_max_bytes": 1000,
        }


def test_no_script_or_style_stands_in_the_markup() -> None:
    markup = Markup((FOLDER / "index.html").read_text())
    assert markup.inline == ""
    for tag, attributes in markup.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        assert tag != "style"
        assert tag != "script" or attributes["src"]


def test_no_asset_names_a_foreign_host() -> None:
    for path in FOLDER.iterdir():
        if path.suffix.lstrip(".") in MEDIA_TYPES:
            named = re.findall(r"(?:https?:|[\"'(])//[\w.-]+\.\w[^\s\"']*", path.read_text())
            assert set(named) <= {"http://www.w3.org/2000/svg"}, path.name


def test_every_error_code_is_put_into_words() -> None:
    (table,) = re.findall(r"export const ERRORS = \{(.+?)\n\};", (FOLDER / "words.js").read_text(), re.DOTALL)
    assert sorted(re.findall(r"^  (\w+):", table, re.MULTILINE)) == sorted(item_codes())


@pytest.mark.slow
def test_an_installed_package_has_the_page(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md"):
        copy(ROOT / name, tmp_path)
    copytree(ROOT / "model_server", tmp_path / "model_server")
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", "wheels"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("model_server/page/")}
    there = {f"model_server/page/{path.name}" for path in FOLDER.iterdir() if path.is_file()}
    assert packed == there
