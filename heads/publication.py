"""Publication: what goes out with a new head, whichever engine trained it: facts, report and artifact."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from batch.errors import BatchError
from datasets.splits import sources_of
from evaluation import page, pictures
from evaluation.document import make_document
from evaluation.evaluate import DOCUMENT, PAGE, PREDICTIONS, write_predictions
from evaluation.outcomes import align
from heads.holdout import HoldoutResult
from heads.labels import Plan
from logo_detection.artifact import Artifact, read_manifest
from logo_detection.head import Head
from release.model_card import Facts


def facts_of(
    source: Artifact,
    plan: Plan,
    head: Head,
    holdout: HoldoutResult,
    training: Mapping[str, Any],
    name: str | None = None,
    version: str | None = None,
) -> Facts:
    """The facts of a model with a new head.

    Args:
        source: Has the backbone.
        plan: Which images the head was trained on.
        head: As it is served.
        holdout: How good it is.
        training: By what it was trained, with which settings.
        name: Of the model; that of the source by default.
        version: Likewise; by default the source's, and a digest of the head.
    """
    former = {} if source.path.is_file() else read_manifest(source.path).training
    backbone = former.get("recipe", {}).get("backbone", "that")
    origin = f"{source.name} {source.version}"
    return Facts(
        name=name or source.name,
        version=version or f"{source.version}+head.{_digest(plan, head)}",
        labels=plan.labels,
        spec=source.spec,
        calibration=holdout.calibration,
        training={
            "recipe": {"backbone": f"{backbone} of {origin}, of which only the head was trained anew"},
            "sources": {
                "training": sources_of(plan.train_examples),
                "validation": sources_of(plan.holdout_examples),
            },
            "backbone": {"name": source.name, "version": source.version, "training": former},
            "head": dict(training),
        },
        metrics={
            "calibration": holdout.temperature.as_dict(),
            "validation": holdout.evaluation.as_dict(),
        },
    )


def _digest(plan: Plan, head: Head) -> str:
    """What tells heads of the same backbone apart."""
    return hashlib.sha256(repr(plan.labels).encode() + head.weights.tobytes()).hexdigest()[:8]


@contextmanager
def unfinished(output: Path) -> Iterator[Path]:
    """A folder beside the output, to be renamed to it; gone when the block ends, unless it was.

    Raises:
        BatchError: It cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(
            prefix=f".{output.name}-", dir=output.parent, ignore_cleanup_errors=True
        ) as parent:
            directory = Path(parent) / output.name
            directory.mkdir()
            yield directory
    except OSError as error:
        raise BatchError(f"cannot write {error.filename or output}: {error.strerror}") from error


def write_report(
    folder: Path, artifact: Artifact, facts: Facts, holdout: HoldoutResult, pictured: bool
) -> None:
    """Write `evaluation.json`, `report.html` (with pictures, if they are there) and `predictions.csv`."""
    labels = artifact.labels
    folder.mkdir(parents=True, exist_ok=True)
    examples = [outcome.example for outcome in holdout.outcomes]
    document = make_document(artifact, examples, holdout.evaluation) | {"head": facts.training["head"]}
    html = page.render_page(
        document,
        align(holdout.outcomes, labels),
        pictures.worst(holdout.outcomes, labels, pictures.SHOWN if pictured else 0),
        samples=pictures.samples(holdout.outcomes, labels, pictured),
        worst_by_class=pictures.worst_by_class(holdout.outcomes, labels) if pictured else {},
    )
    write_predictions(folder / PREDICTIONS, holdout.outcomes, None, labels)
    (folder / DOCUMENT).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(html, encoding="utf-8")
