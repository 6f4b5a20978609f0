"""Scoring: one pool for the page and the API, with the active model, which is never waited for long."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from evaluation.document import read_document
from logo_detection.pool.messages import Scored, Task
from studio.django_settings import STUDIO
from studio.images.models import Dataset
from studio.people.models import User
from studio.publishing.active import activate
from studio.publishing.models import ArtifactVersion
from studio.publishing.publication import publish_run
from studio.trying.scoring import Busy, Scorer, Scores
from tests.models import RED_IS_LOGO
from tests.studio.api.calls import Caller, is_error
from tests.studio.trained import BLUE, BLUE_IS_LOGO, done_run, make_images, well_evaluated
from tests.studio.trying.test_trying import try_it
from tests.studio.world import log_in, pattern

pytestmark = pytest.mark.slow

TIMEOUT_S = 60


@pytest.fixture
def scorer() -> Iterator[Scorer]:
    made = Scorer(STUDIO)
    yield made
    made.end()


def published(dataset: Dataset, by: User) -> list[ArtifactVersion]:
    """A version for which red is a logo, and one for which blue is."""
    images = make_images(dataset, by)
    made = []
    for name, weights in (("7-red", RED_IS_LOGO), ("7-blue", BLUE_IS_LOGO)):
        run = done_run(images, by, weights)
        document = read_document(well_evaluated(run).folder(STUDIO.data) / "evaluation.json")
        made.append(publish_run(by, run, document, name, "", STUDIO.data))
    return made


def test_the_api_and_the_page_ask_the_active_version(dataset: Dataset, administrator: User) -> None:
    for version in published(dataset, administrator):
        activate(administrator, version, STUDIO.data)
        assert f"mean-colour {version}" in try_it(log_in(administrator), pattern(1, BLUE)).content.decode()
        body = {"images": [{"filename": "a", "image": base64.b64encode(pattern(1, BLUE)).decode()}]}
        found = Caller(administrator, "score", str(version)).send("/api/score/", body).json()
        assert found["model"] == f"mean-colour {version}"
    assert found["predictions"][0]["scores"]["logo"] > 0.5


def test_requests_that_began_with_the_former_version_end_with_it(
    dataset: Dataset, administrator: User, scorer: Scorer
) -> None:
    red, blue = published(dataset, administrator)
    activate(administrator, red, STUDIO.data)
    task, began = Task(pattern(1, BLUE)), threading.Event()
    scorer.score([task], TIMEOUT_S)
    found: list[Scores] = []

    def score_many() -> None:
        began.set()
        found.append(scorer.score([task] * 200, TIMEOUT_S))

    thread = threading.Thread(target=score_many)
    thread.start()
    began.wait(TIMEOUT_S)
    activate(administrator, blue, STUDIO.data)
    assert scorer.score([task], TIMEOUT_S).model == "mean-colour 7-blue"
    thread.join(TIMEOUT_S)
    (former,) = found
    assert former.model in ("mean-colour 7-red", "mean-colour 7-blue")  # as it had begun before or after
    assert [type(each) for each in former.outcomes] == [Scored] * 200


def test_without_a_model_and_without_time_callers_are_told_to_come_again(
    tmp_path: Path, scorer: Scorer
) -> None:
    task = Task(pattern(1))
    with pytest.raises(Busy, match="no model"):
        Scorer(STUDIO.model_copy(update={"model": tmp_path / "nothing"})).score([task], TIMEOUT_S)
    with pytest.raises(Busy, match="too long"):
        scorer.score([task] * 50, 0.001)
    assert len(scorer.score([task], TIMEOUT_S).outcomes) == 1  # those that were given up hold nobody up


def test_while_others_are_scored_callers_are_told_to_come_again(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps.get_app_config("trying"), "scorer", Scorer(STUDIO, max_requests=0))
    page = try_it(log_in(administrator), pattern(1))
    assert page.status_code == 503
    assert b"Others have pictures scored" in page.content
    body = {"images": [{"filename": "a", "image": ""}]}
    is_error(Caller(administrator).send("/api/score/", body), 503, "busy")
