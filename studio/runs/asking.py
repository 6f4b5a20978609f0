"""Asking for runs, cancelling them, and having them go on."""

from collections.abc import Mapping

from django.db import transaction

from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.errors import LogoDetectionError
from studio.background.claims import ask_to_cancel, reopen
from studio.background.models import OPEN_STATES
from studio.images.models import Version
from studio.people import audit
from studio.people.models import User
from studio.runs.models import Run
from studio.runs.recipes import change, numbers_of, read_text

MAX_OPEN = 20
"""Runs of a data set that wait or run."""


class TooManyRuns(LogoDetectionError):
    """As many runs wait as may. One line, for whoever asked for another."""


def labels_of(version: Version) -> list[str]:
    """The labels of a version in a recipe's order: `out_of_domain` first, the others as of their keys."""
    names = [each.name for each in version.dataset.classes.all() if each.name in version.balance]
    return sorted(names, key=lambda name: name != OUT_OF_DOMAIN)


@transaction.atomic
def ask_for_run(by: User, version: Version, recipe: str, numbers: Mapping[str, float]) -> Run:
    """Ask for a training.

    Args:
        by: Who asks.
        version: What it is trained on.
        recipe: The name of one.
        numbers: By place; those that are the recipe's own are no change.

    Raises:
        RecipeInvalid: See `studio.runs.recipes.change`.
        TooManyRuns: MAX_OPEN wait already.
    """
    if Run.objects.filter(version__dataset=version.dataset, state__in=OPEN_STATES).count() >= MAX_OPEN:
        raise TooManyRuns(f"{MAX_OPEN} runs wait already.")
    text = read_text(recipe)
    own = {number.place: number.value for number in numbers_of(text)}
    changes = {place: value for place, value in numbers.items() if own.get(place) != value}
    changed = change(text, changes, labels_of(version))
    run = Run.objects.create(version=version, recipe=recipe, changes=changes, text=changed, asked_by=by)
    told = ", ".join(f"{place} = {value:g}" for place, value in changes.items())
    audit.record(by, "ask for run", f"{version}: {recipe}", told)
    return run


@transaction.atomic
def cancel_run(by: User, run: Run) -> bool:
    """Cancel a run; its checkpoints stay. Returns whether this has asked for it.

    Raises:
        WorkRefused: It has ended by itself.
    """
    is_new = ask_to_cancel(run)
    if is_new:
        audit.record(by, "cancel run", f"{run.version}: run {run.pk}")
    return is_new


@transaction.atomic
def resume_run(by: User, run: Run) -> bool:
    """Have a run that failed or was cancelled go on from its last checkpoint.

    Returns:
        Whether this has asked for it.

    Raises:
        WorkRefused: It is done, or is about to end.
    """
    is_new = reopen(run)
    if is_new:
        Run.objects.filter(pk=run.pk).update(attempts=0)
        audit.record(by, "resume run", f"{run.version}: run {run.pk}")
    return is_new
