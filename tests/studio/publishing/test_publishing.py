"""Publishing: through the gate, active and back, and never deleted while it may be served."""

import io
import re
import socket
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from logo_detection.artifact import load_artifact
from studio.django_settings import STUDIO
from studio.images.models import Dataset
from studio.people.models import AuditEntry, Role, User
from studio.publishing import views
from studio.publishing.active import ActivationRefused, activate, active_version, link_of, roll_back
from studio.publishing.gate import DEFAULTS, current_thresholds, set_thresholds
from studio.publishing.models import ArtifactVersion
from studio.publishing.publication import PublicationRefused, delete_version, why_kept
from studio.publishing.server import Served, ask_served
from studio.runs.models import Run
from studio.settings import Settings, SettingsInvalid, read_settings
from tests.harness.server import running_server
from tests.studio.trained import done_run, evaluated, make_images, well_evaluated
from tests.studio.world import log_in, make_user

pytestmark = pytest.mark.slow

NOT_ASKED = Served(False)


@pytest.fixture
def run(dataset: Dataset, administrator: User) -> Run:
    run = done_run(make_images(dataset, administrator), administrator)
    well_evaluated(run)
    return run


def publish(browser: Client, run: Run, version: str) -> ArtifactVersion:
    """What the form sends."""
    sent = browser.post(f"/datasets/signs/runs/{run.pk}/publish/add", {"version": version, "note": "n"})
    assert sent.status_code == 302, sent.content.decode()
    return ArtifactVersion.objects.get(version=version)


def last_entry() -> tuple[str, str, str]:
    entry = AuditEntry.objects.latest("pk")
    return entry.action, entry.target, entry.details


def test_a_run_becomes_a_version_with_a_card_and_an_archive(
    run: Run, browser: Client, tmp_path: Path
) -> None:
    page = browser.get(f"/datasets/signs/runs/{run.pk}/publish").content.decode()
    assert "The gate is open" in page
    assert f'value="1-run{run.pk}"' in page
    made = publish(browser, run, "1.1-first")
    assert (made.run, made.note, made.published_by.username) == (run, "n", "ada")
    assert "AUC-PR (png): 1, wanted at least 0.9" in made.findings
    assert last_entry()[:2] == ("publish", "1.1-first")
    page = browser.get(f"/models/{made.pk}").content.decode()
    assert "# mean-colour 1.1-first" in page
    with closing(browser.get(f"/models/{made.pk}/artifact.zip")) as sent:
        archive = zipfile.ZipFile(io.BytesIO(b"".join(sent)))
    assert last_entry()[0] == "download artifact"
    archive.extractall(tmp_path)
    unpacked = load_artifact(tmp_path / "1.1-first")
    assert (unpacked.name, unpacked.version) == ("mean-colour", "1.1-first")
    assert load_artifact(run.folder(STUDIO.data) / "artifact").version == "1"  # the run's own stays as it was


@pytest.mark.parametrize("version", ["", "../x", ".x", "a/b", "a b", "-x", "x" * 61, "<b>"])
def test_a_version_is_a_plain_name(version: str, run: Run, browser: Client) -> None:
    body = {"version": version}
    assert browser.post(f"/datasets/signs/runs/{run.pk}/publish/add", body).status_code == 400
    assert not ArtifactVersion.objects.exists()


def test_a_version_is_used_once(run: Run, browser: Client) -> None:
    made = publish(browser, run, "1.1")
    sent = browser.post(f"/datasets/signs/runs/{run.pk}/publish/add", {"version": "1.1"})
    assert sent.status_code == 409
    assert b"there is a version 1.1 already" in sent.content
    assert b'id="id_version_error"' in sent.content
    assert ArtifactVersion.objects.get() == made
    assert not list((STUDIO.data / "unfinished").iterdir())


def test_the_gate_is_closed_until_an_administrator_lowers_it_for_all_to_see(
    run: Run, browser: Client, administrator: User
) -> None:
    run.evaluations.all().delete()
    evaluated(run, [0.99, 0.99, 0.01, 0.01], [1, 1, 0, 0])
    address = f"/datasets/signs/runs/{run.pk}/publish"
    page = browser.get(address).content.decode()
    assert "misses 2 of" in page
    assert "<button>Publish</button>" not in page
    closed = browser.post(f"{address}/add", {"version": "1.1"})
    assert closed.status_code == 409
    assert b"images of logo (png): 2, wanted at least 50" in closed.content
    assert not ArtifactVersion.objects.exists()
    lower: dict[str, Any] = {name: value for name, value in DEFAULTS.items() if value is not None}
    lower |= {"min_class_images": 2, "why": "a small set"}
    trainer = make_user("tess", Role.TRAINER)
    assert log_in(trainer).post("/models/gate/set", lower).status_code == 403
    assert browser.post("/models/gate/set", {**lower, "min_auc_pr": "2"}).status_code == 400
    assert browser.post("/models/gate/set", {**lower, "why": ""}).status_code == 400
    assert browser.post("/models/gate/set", lower).status_code == 302
    assert last_entry() == ("set gate", "gate", "min_class_images = 2: a small set")
    for page in ("/models", "/models/gate"):
        shown = log_in(trainer).get(page).content.decode()
        assert "2 (changed)" in shown, page
    assert "a small set" in log_in(trainer).get("/models/gate").content.decode()
    sent = log_in(trainer).post(f"{address}/add", {"version": "1.1"})
    assert sent.status_code == 302
    set_thresholds(administrator, DEFAULTS, "enough images now")
    assert current_thresholds().min_class_images == 50


def test_an_evaluation_of_another_model_lets_nothing_through(run: Run, browser: Client) -> None:
    other = done_run(run.version, run.asked_by, weights=((0, 4), (1, 0), (4, 0)))
    well_evaluated(other)
    folders = [each.evaluations.get().folder(STUDIO.data) / "evaluation.json" for each in (run, other)]
    folders[0].write_bytes(folders[1].read_bytes())
    sent = browser.post(f"/datasets/signs/runs/{run.pk}/publish/add", {"version": "1.1"})
    assert sent.status_code == 409
    assert b"of another model" in sent.content


def test_a_run_without_an_evaluation_is_not_published(run: Run, browser: Client) -> None:
    run.evaluations.all().delete()
    assert "no evaluation yet" in browser.get(f"/datasets/signs/runs/{run.pk}/publish").content.decode()
    sent = browser.post(f"/datasets/signs/runs/{run.pk}/publish/add", {"version": "1.1"})
    assert sent.status_code == 409


def test_going_back_goes_further_back_each_time(run: Run, browser: Client, administrator: User) -> None:
    first, second, third = (publish(browser, run, name) for name in ("1", "2", "3"))
    with pytest.raises(ActivationRefused, match="no version to go back to"):
        roll_back(administrator, STUDIO.data)
    for version in (first, second, third):
        assert activate(administrator, version, STUDIO.data)
    assert not activate(administrator, third, STUDIO.data)  # it is already
    assert [roll_back(administrator, STUDIO.data), roll_back(administrator, STUDIO.data)] == [second, first]
    assert last_entry() == ("roll back", "1", "instead of 2")
    assert browser.post("/models/roll-back").status_code == 409
    assert load_artifact(link_of(STUDIO.data)).version == "1"
    assert link_of(STUDIO.data).readlink() == Path("artifacts/1")  # it stays right where the folder moves


def test_whoever_opens_the_link_meanwhile_always_finds_a_whole_artifact(
    run: Run, browser: Client, administrator: User
) -> None:
    versions = [publish(browser, run, name) for name in ("1", "2")]
    activate(administrator, versions[0], STUDIO.data)
    found, over = set(), threading.Event()

    def read() -> None:
        while not over.is_set():
            found.add(load_artifact(link_of(STUDIO.data).resolve()).version)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(40):
            activate(administrator, versions[(number + 1) % 2], STUDIO.data)
    finally:
        over.set()
        reader.join(30)
    assert found == {"1", "2"}


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (Served(True, "2"), "it is served"),
        (Served(True, problem="it does not answer"), "no server says"),
        (NOT_ASKED, "no server says"),
        (Served(True, "3"), ""),
    ],
)
def test_what_is_or_may_be_served_is_not_deleted(
    served: Served, reason: str, run: Run, browser: Client, administrator: User
) -> None:
    unused, former, active = (publish(browser, run, name) for name in ("1", "2", "3"))
    for version in (former, active):
        activate(administrator, version, STUDIO.data)
    assert why_kept(active, served, STUDIO.data) == "it is the active version"
    delete_version(administrator, unused, served, STUDIO.data)
    assert not unused.folder(STUDIO.data).exists()
    if not reason:
        delete_version(administrator, former, served, STUDIO.data)
        with pytest.raises(ActivationRefused, match="deleted"):
            activate(administrator, former, STUDIO.data)
        assert browser.post("/models/roll-back").status_code == 409
        return
    with pytest.raises(PublicationRefused, match=reason):
        delete_version(administrator, former, served, STUDIO.data)
    assert load_artifact(former.folder(STUDIO.data)).version == "2"


def test_the_page_refuses_to_delete_the_active_version(run: Run, browser: Client) -> None:
    made = publish(browser, run, "1")
    browser.post(f"/models/{made.pk}/activate")
    assert last_entry()[:2] == ("activate", "1")
    sent = browser.post(f"/models/{made.pk}/delete")
    assert sent.status_code == 409
    assert b"it is the active version" in sent.content
    assert active_version(STUDIO.data) == made


def settings_of(url: str, **more: Any) -> Settings:
    return read_settings(server_url=url, **more)


def shown(browser: Client, name: str) -> str:
    """What the page says is active, or served."""
    page = browser.get("/models").content.decode()
    return re.findall(f'id="{name}"[^>]*>([^<]*)', page)[0] if f'id="{name}"' in page else ""


def test_a_server_serves_the_active_version_from_its_next_start_on(
    run: Run, browser: Client, administrator: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (publish(browser, run, name) for name in ("1.1", "1.2"))
    activate(administrator, first, STUDIO.data)
    settings: Mapping[str, Any] = {"MODEL_PATH": link_of(STUDIO.data), "WORKERS": 1}
    with running_server(tmp_path / "first", **settings) as server:
        asked = settings_of(server.url)
        monkeypatch.setattr(views, "STUDIO", asked)
        assert (shown(browser, "active"), shown(browser, "served")) == ("1.1", "1.1")
        assert not shown(browser, "behind")
        assert browser.post(f"/models/{second.pk}/activate").status_code == 302
        assert (shown(browser, "active"), shown(browser, "served")) == ("1.2", "1.1")
        assert "serves another version" in shown(browser, "behind")
        with pytest.raises(PublicationRefused, match="it is served"):
            delete_version(administrator, first, ask_served(asked), STUDIO.data)
    assert ask_served(asked).problem == "it does not answer"
    with running_server(tmp_path / "second", **settings) as server:
        assert ask_served(settings_of(server.url)) == Served(True, "1.2")
        roll_back(administrator, STUDIO.data)
        assert ask_served(settings_of(server.url)) == Served(True, "1.2")
    with running_server(tmp_path / "third", **settings) as server:
        assert ask_served(settings_of(server.url)) == Served(True, "1.1")


@contextmanager
def answering(status: int, content: bytes, **headers: str) -> Iterator[str]:
    """A server that always answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize(
    ("status", "content", "problem"),
    [
        (404, b"", "it answers 404"), (302, b"", "it answers 302"), (200, b"<html>", "something else"),
        (200, b"[]", "something else"), (200, b'{"versions": []}', "something else"),
        (200, b'{"versions": ["a\\nb"]}', "something else"), (200, b'{"versions": [7]}', "something else"),
        (200, b'{"versions": ["1"], "x": "' + b"y" * 10**6 + b'"}', "something else"),
    ],
)  # fmt: skip
def test_what_is_no_version_is_not_shown_as_one(status: int, content: bytes, problem: str) -> None:
    with answering(status, content, Location="http://127.0.0.1:1/") as url:
        served = ask_served(settings_of(url))
    assert served.version == ""
    assert problem in served.problem


def test_a_server_that_drips_is_left_when_the_time_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    for _ in range(200):
                        connection.sendall(b"H")
                        over.wait(0.05)
                except OSError:
                    return

        over = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        served = ask_served(settings_of(url, server_timeout_s=0.5))
        assert thread.is_alive()  # it would have gone on
        over.set()
        thread.join(30)
    assert served.problem == "it does not answer"


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8080", "file:///etc/passwd", "http://", "http://a:b@host", "http://host/path", "http://host?x=1",
     "http://host:99999"],
)  # fmt: skip
def test_a_servers_address_is_a_host_and_a_port(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="STUDIO_SERVER_URL"):
        settings_of(url)
