"""From a run's results to a version that is active, in a real Chromium; the report can do nothing there."""

from collections.abc import Iterator
from threading import Event

import pytest
from playwright.sync_api import expect

from studio.django_settings import STUDIO
from studio.images.models import Dataset
from studio.people.models import User
from studio.publishing.gate import DEFAULTS, set_thresholds
from studio.results.asking import ask_for_comparison
from studio.results.jobs import run_next_evaluation
from studio.results.models import Evaluation
from studio.runs.models import Run
from tests.studio.browsing import Tab, chromium, open_tab, web
from tests.studio.trained import NASTY, NOTHING_IS_LOGO, RED, done_run, make_images, well_evaluated
from tests.studio.world import pattern

pytestmark = pytest.mark.slow

NO_REPORT = """<title>mine</title><script>document.title = "owned"</script>
<img src=x onerror="document.title = 'owned'"><form action=/log-out method=post><button>Out</button></form>"""
LOWERED = {
    **DEFAULTS,
    "min_class_images": 1.0,
    "min_class_recall": 0.5,
    "min_auc_pr": 0.5,
    "max_calibration_error": 1.0,
}


@pytest.fixture
def tab(runs: object, administrator: User) -> Iterator[Tab]:
    """Opened when the runs are there: no event loop of the evaluation's starts beside a browser's."""
    with web() as url, chromium() as browser, open_tab(browser, url, administrator) as opened:
        yield opened


@pytest.fixture
def runs(dataset: Dataset, administrator: User) -> tuple[Run, Run]:
    """Two, the first one really evaluated, and beside the other."""
    version = make_images(dataset, administrator)
    both = done_run(version, administrator), done_run(version, administrator, NOTHING_IS_LOGO)
    well_evaluated(both[1])
    ask_for_comparison(administrator, *both)
    while run_next_evaluation(STUDIO, Event()):
        pass
    assert set(Evaluation.objects.values_list("state", "message")) == {("done", "")}
    return both


def test_from_results_to_an_active_version_and_a_trial(
    runs: tuple[Run, Run], tab: Tab, administrator: User
) -> None:
    set_thresholds(administrator, LOWERED, "a small set")
    page = tab.go(f"/datasets/signs/runs/{runs[0].pk}/results")
    expect(page.get_by_role("heading", name="What it gets wrong: 1")).to_be_visible()
    expect(page.get_by_role("img", name=f"{NASTY}.png: heat map")).to_have_js_property("naturalWidth", 224)
    assert page.title() == f"Results of run {runs[0].pk}"
    tab.check_barriers()
    page.get_by_role("link", name=f"run {runs[1].pk}", exact=True).click()
    expect(page.get_by_role("heading", name="On which they differ: 7")).to_be_visible()
    expect(page.get_by_role("img", name="the other run's heat map").first).to_be_visible()
    tab.check_barriers()
    other = Tab(page.context.new_page(), tab.url)  # what the browser complains of there is not this tab's
    _check_report(other, Evaluation.objects.get(run=runs[0], beside=None))
    other.page.close()
    tab.go(f"/datasets/signs/runs/{runs[0].pk}/results")
    page.get_by_role("link", name="the way to publish it").click()
    expect(page.locator("#gate")).to_contain_text("The gate is open")
    tab.check_barriers()
    page.get_by_label("Version").fill("1.1")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="1.1", exact=True)).to_be_visible()
    tab.check_barriers()
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("#active")).to_have_text("1.1")
    expect(page.locator("#served")).to_contain_text("STUDIO_SERVER_URL names no server")
    tab.check_barriers()
    page.get_by_role("link", name="Change them").click()
    expect(page.get_by_role("cell", name="1 (changed)", exact=True).first).to_be_visible()
    tab.check_barriers()
    _try(tab)


def _check_report(tab: Tab, evaluation: Evaluation) -> None:
    """It is shown; and what is no report either, by whoever could write into it, runs nothing."""
    address = f"/datasets/signs/evaluations/{evaluation.pk}/report"
    page = tab.go(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "owned" not in page.title()
    (evaluation.folder(STUDIO.data) / "report.html").write_text(NO_REPORT)
    page = tab.go(address)
    assert page.title() == "mine"
    page.get_by_role("button").click()  # a sandbox sends no form
    assert page.url.endswith(address)
    assert page.title() == "mine"


def _try(tab: Tab) -> None:
    page = tab.go("/try")
    tab.check_barriers()
    page.get_by_label("Picture").set_input_files(
        {"name": "red.png", "mimeType": "image/png", "buffer": pattern(1, RED)}
    )
    page.get_by_role("button", name="Score").click()
    expect(page.locator("#overlay")).to_have_js_property("naturalWidth", 224)
    expect(page.locator("#scores tbody tr").first).to_contain_text("logo")
    expect(page.get_by_text("scored by mean-colour 1.1")).to_be_visible()
    tab.check_barriers()
