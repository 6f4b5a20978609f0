"""Cancelling work, and having it go on: asked twice it is one wish, and what cannot be is refused."""

import pytest
from django.test import Client

from studio.background.claims import WorkRefused, ask_to_cancel, claim_next, reopen
from studio.background.models import State
from studio.images.models import Dataset, Import, Version
from studio.people.models import AuditEntry, User
from studio.results.models import Evaluation
from studio.review.models import Intake
from studio.runs.models import Run
from tests.studio.review.world import make_queue

pytestmark = pytest.mark.slow


@pytest.fixture
def run(dataset: Dataset, administrator: User) -> Run:
    """One that waits."""
    version = Version.objects.create(dataset=dataset, number=1, digest="1", images=1, made_by=administrator)
    return Run.objects.create(version=version, recipe="quick", asked_by=administrator)


def test_what_waits_is_cancelled_once_and_goes_on_once(run: Run) -> None:
    assert [ask_to_cancel(run), ask_to_cancel(run)] == [True, False]
    assert Run.objects.get().state == State.CANCELLED
    assert [reopen(run), reopen(run)] == [True, False]
    assert Run.objects.get().state == State.WAITING


def test_what_runs_is_cancelled_once_and_goes_on_only_after_its_end(run: Run) -> None:
    assert claim_next(Run) == run
    assert not reopen(run)
    assert [ask_to_cancel(run), ask_to_cancel(run)] == [True, False]
    with pytest.raises(WorkRefused, match=f"Run {run.pk} is about to end"):
        reopen(run)


@pytest.mark.parametrize("state", [State.DONE, State.FAILED])
def test_what_has_ended_by_itself_is_not_cancelled(state: State, run: Run) -> None:
    Run.objects.update(state=state)
    with pytest.raises(WorkRefused, match=f"Run {run.pk} is {state} already"):
        ask_to_cancel(run)


def test_what_is_done_does_not_go_on(run: Run) -> None:
    Run.objects.update(state=State.DONE)
    with pytest.raises(WorkRefused, match="only what has failed or was cancelled goes on"):
        reopen(run)


def test_pages_say_that_work_has_ended(
    run: Run, dataset: Dataset, administrator: User, browser: Client
) -> None:
    queue = make_queue(dataset, administrator)
    own = {"asked_by": administrator, "state": State.DONE}
    Run.objects.update(state=State.DONE)
    brought = Import.objects.create(dataset=dataset, kind="zip", name="a", labels="none", **own)
    intake = Intake.objects.create(queue=queue, kind="table", name="t", path="/t", **own)
    evaluation = Evaluation.objects.create(run=run, **own)
    addresses = (
        f"runs/{run.pk}/cancel",
        f"runs/{run.pk}/resume",
        f"imports/{brought.pk}/cancel",
        f"review/{queue.pk}/intakes/{intake.pk}/cancel",
        f"evaluations/{evaluation.pk}/cancel",
        f"evaluations/{evaluation.pk}/again",
    )
    before = AuditEntry.objects.count()
    for address in addresses:
        answer = browser.post(f"/datasets/signs/{address}")
        assert answer.status_code == 409, address
        assert b"is done already" in answer.content, address
    assert AuditEntry.objects.count() == before
