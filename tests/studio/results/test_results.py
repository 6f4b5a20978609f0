"""Results: a real evaluation by the runner's job, its figures, its gallery; and two runs side by side."""

from contextlib import closing
from threading import Event

import pytest
from django.test import Client

from studio.background.attempts import MAX_ATTEMPTS
from studio.background.models import State
from studio.background.process import marked
from studio.django_settings import STUDIO
from studio.images.models import Dataset, Version
from studio.people.models import AuditEntry, User
from studio.results.asking import ask_for_comparison, ask_for_missing
from studio.results.jobs import run_next_evaluation
from studio.results.models import Evaluation
from studio.runs.models import Run
from tests.studio.trained import NASTY, NOTHING_IS_LOGO, done_run, make_images, well_evaluated
from tests.studio.world import HTMX
from training.run import Run as RunFolder

pytestmark = pytest.mark.slow


@pytest.fixture
def version(dataset: Dataset, administrator: User) -> Version:
    return make_images(dataset, administrator)


@pytest.fixture
def run(version: Version, administrator: User) -> Run:
    return done_run(version, administrator)


def evaluate() -> Evaluation:
    """Do the next evaluation, as the runner does."""
    assert run_next_evaluation(STUDIO, Event())
    return Evaluation.objects.latest("ended_at")


def body(client: Client, address: str, **more: object) -> str:
    response = client.get(address, **more)  # type: ignore[arg-type]
    assert response.status_code == 200, address
    return response.content.decode()


def file(client: Client, address: str) -> tuple[str, bytes]:
    """A file's type, and its bytes."""
    response = client.get(address)
    assert response.status_code == 200, address
    with closing(response):
        return response["Content-Type"], b"".join(response)


def test_a_run_that_is_done_is_evaluated_and_shown_with_what_it_gets_wrong(run: Run, browser: Client) -> None:
    address = f"/datasets/signs/runs/{run.pk}/results"
    assert 'hx-trigger="every 2s"' in body(browser, address)
    evaluation = evaluate()
    assert (evaluation.run, evaluation.state, evaluation.message) == (run, "done", "")
    assert not run_next_evaluation(STUDIO, Event())  # once is enough
    page = body(browser, address)
    assert "hx-get" not in page
    assert "92.3% (64.0% to 99.8%)" in page  # 12 of 13 are right
    assert "What it gets wrong: 1" in page
    assert f"/datasets/signs/images/{run.version.dataset.images.latest('pk').pk}" in page
    assert NASTY not in page
    assert "&lt;script&gt;" in page
    pictures = f"/datasets/signs/evaluations/{evaluation.pk}"
    for name, kind, begin in (
        ("pictures/0", "image/jpeg", b"\xff\xd8"),
        ("heat_maps/0", "image/png", b"\x89PNG"),
    ):
        found, content = file(browser, f"{pictures}/{name}")
        assert found == kind
        assert content.startswith(begin)
    for missing in ("pictures/1", "other_heat_maps/0", "..%2f/0", "logs/0"):
        assert browser.get(f"{pictures}/{missing}").status_code == 404
    kind, table = file(browser, f"{pictures}/predictions.csv")
    assert (kind, table.count(b"\n")) == ("text/csv; charset=utf-8", 27)


def test_the_report_has_an_origin_of_its_own_and_no_script(run: Run, browser: Client) -> None:
    evaluation = well_evaluated(run)
    (evaluation.folder(STUDIO.data) / "report.html").write_text("<script>alert(1)</script>")
    with closing(browser.get(f"/datasets/signs/evaluations/{evaluation.pk}/report")) as response:
        policy = dict(
            part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";")
        )
        assert response["X-Content-Type-Options"] == "nosniff"
    assert policy["sandbox"] == ""  # not even allow-scripts
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy


def test_two_runs_are_compared_on_what_both_held_out(
    version: Version, run: Run, administrator: User, browser: Client
) -> None:
    other = done_run(version, administrator, NOTHING_IS_LOGO, held_out=12)
    well_evaluated(run)
    well_evaluated(other)
    asked = browser.post(f"/datasets/signs/runs/{run.pk}/compare", {"other": other.pk})
    address = f"/datasets/signs/runs/{run.pk}/beside/{other.pk}"
    assert asked["Location"] == address
    assert ask_for_comparison(administrator, run, other).pk == Evaluation.objects.latest("pk").pk
    assert 'hx-trigger="every 2s"' in body(browser, address)
    evaluation = evaluate()
    assert (evaluation.state, evaluation.message) == ("done", "")
    page = body(browser, address, headers=HTMX)
    assert "<html" not in page
    assert "On which they differ: 6" in page  # five logos, and the red one that is labelled otherwise
    assert "+33.3 percentage points" in page  # 5 more are right, 1 less, of 12
    assert "91.7% (61.5% to 99.8%)" in page
    assert "58.3% (27.7% to 84.8%)" in page
    assert page.count("heat_maps/") == 12
    (entry,) = AuditEntry.objects.filter(action="ask for comparison")
    assert entry.target == f"signs 1: run {run.pk} beside run {other.pk}"


@pytest.mark.parametrize("other", ["", "x", "0", "999", "9" * 30, "own", "waiting"])
def test_a_run_is_compared_with_another_that_is_done(
    other: str, version: Version, run: Run, administrator: User, browser: Client
) -> None:
    waiting = Run.objects.create(version=version, recipe="quick", text="", asked_by=administrator)
    named = {"own": str(run.pk), "waiting": str(waiting.pk)}.get(other, other)
    assert browser.post(f"/datasets/signs/runs/{run.pk}/compare", {"other": named}).status_code == 400
    assert not Evaluation.objects.exists()


def test_runs_without_a_common_image_are_told_so(version: Version, run: Run, administrator: User) -> None:
    other = done_run(version, administrator)
    well_evaluated(run)
    well_evaluated(other)
    manifest = RunFolder(other.folder(STUDIO.data)).validation / "manifest.csv"
    manifest.write_text("path,label,original_sha256\nx.png,logo,\n")
    ask_for_comparison(administrator, run, other)
    evaluation = evaluate()
    assert evaluation.state == "failed"
    assert evaluation.message == "there is no image that both runs kept from training"


@pytest.fixture
def failing(run: Run) -> Evaluation:
    """An evaluation that waits, of a model that is not what its manifest says."""
    (RunFolder(run.folder(STUDIO.data)).artifact / "model.onnx").write_bytes(b"other")
    assert ask_for_missing() == 1
    return Evaluation.objects.get()


def test_an_evaluation_that_fails_says_why_and_can_be_begun_again(
    failing: Evaluation, browser: Client
) -> None:
    failed = evaluate()
    assert failed.state == "failed"
    assert failed.message.startswith("logo-evaluate: ")
    assert "SHA-256 differs" in failed.message
    assert not list(marked(failing.mark))
    page = body(browser, f"/datasets/signs/runs/{failing.run_id}/results")
    assert "SHA-256 differs" in page
    assert browser.post(f"/datasets/signs/evaluations/{failing.pk}/again").status_code == 302
    failing.refresh_from_db()
    assert (failing.state, failing.attempts) == ("waiting", 0)
    assert AuditEntry.objects.latest("pk").action == "evaluate again"
    assert browser.post(f"/datasets/signs/evaluations/{failing.pk}/cancel").status_code == 302
    failing.refresh_from_db()
    assert failing.state == "cancelled"
    assert AuditEntry.objects.latest("pk").action == "cancel evaluation"


def test_an_evaluation_that_costs_its_runner_again_and_again_is_given_up(failing: Evaluation) -> None:
    Evaluation.objects.update(attempts=MAX_ATTEMPTS)
    assert evaluate().message == "its runner was lost 5 times; it can be resumed"


def test_a_run_that_is_not_done_has_no_results(run: Run, browser: Client) -> None:
    Run.objects.update(state=State.FAILED)
    assert not run_next_evaluation(STUDIO, Event())
    assert "The run is not done." in body(browser, f"/datasets/signs/runs/{run.pk}/results")


def test_suspected_label_errors_are_a_way_into_the_grid(run: Run, browser: Client) -> None:
    page = body(browser, "/datasets/signs/")
    assert 'href="/datasets/signs/?order=disagreeing&amp;disagreement_min=0.5">Suspected label errors' in page
