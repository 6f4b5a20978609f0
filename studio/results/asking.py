"""Asking for evaluations: every run gets one when it is done, and a comparison is asked for."""

from django.db import transaction

from logo_detection.errors import LogoDetectionError
from studio.background.claims import ask_to_cancel, reopen
from studio.background.models import State
from studio.people import audit
from studio.people.models import User
from studio.results.models import Evaluation
from studio.runs.models import Run


class ComparisonRefused(LogoDetectionError):
    """Two runs cannot be compared. One line."""


def ask_for_missing() -> int:
    """Ask for the evaluation of each run that is done and has none. Returns how many there were."""
    evaluated = Evaluation.objects.filter(beside__isnull=True).values("run")
    missing = list(Run.objects.filter(state=State.DONE).exclude(pk__in=evaluated).select_related("version"))
    for run in missing:
        _ask_once(run)
    return len(missing)


@transaction.atomic
def _ask_once(run: Run) -> None:
    asked, is_new = Evaluation.objects.get_or_create(
        run=run, beside=None, defaults={"asked_by_id": run.asked_by_id}
    )
    if is_new:
        audit.record(audit.PROGRAM, "ask for evaluation", asked)


@transaction.atomic
def ask_for_comparison(by: User, run: Run, beside: Run) -> Evaluation:
    """Ask for a run's evaluation beside another's, unless there is one.

    Raises:
        ComparisonRefused: They are one run, or of two data sets, or one of them is not done.
    """
    if run == beside or run.version.dataset_id != beside.version.dataset_id:
        raise ComparisonRefused("other: is another run of the same data set")
    if not run.state == beside.state == State.DONE:
        raise ComparisonRefused("other: both runs have to be done")
    asked, is_new = Evaluation.objects.get_or_create(run=run, beside=beside, defaults={"asked_by": by})
    if is_new:
        audit.record(by, "ask for comparison", asked)
    return asked


@transaction.atomic
def evaluate_again(by: User, evaluation: Evaluation) -> bool:
    """Begin an evaluation again that has failed, or was cancelled. Returns whether this has asked for it.

    Raises:
        WorkRefused: It is done, or is about to end.
    """
    is_new = reopen(evaluation)
    if is_new:
        Evaluation.objects.filter(pk=evaluation.pk).update(attempts=0)
        audit.record(by, "evaluate again", evaluation)
    return is_new


@transaction.atomic
def cancel_evaluation(by: User, evaluation: Evaluation) -> bool:
    """Cancel an evaluation. Returns whether this has asked for it.

    Raises:
        WorkRefused: It has ended by itself.
    """
    is_new = ask_to_cancel(evaluation)
    if is_new:
        audit.record(by, "cancel evaluation", evaluation)
    return is_new
