"""Publication: the manifest says of a model what its evaluation found."""

from pathlib import Path
from shutil import copytree

import numpy as np

from evaluation.report import make_report
from logo_detection.artifact import Calibration, load_artifact, read_manifest
from release.model_card import Facts
from release.publication import publish, publish_as

LABELS = ("out_of_domain", "logo")


def test_the_thresholds_of_the_validation_are_in_the_manifest(artifact: Path, tmp_path: Path) -> None:
    copytree(artifact, tmp_path / "copy")
    logo = np.concatenate([np.linspace(0.5, 1, 50), np.linspace(0, 0.6, 400)])
    truth = np.repeat([1, 0], [50, 400])
    evaluation = make_report({"as is": np.stack([1 - logo, logo], axis=1)}, truth, LABELS, ["any"] * 450)
    spec = load_artifact(artifact).spec
    facts = Facts(
        "m", "1", LABELS, spec, Calibration(base_rate=0.5), {}, {"validation": evaluation.as_dict()}
    )
    published = publish(facts, tmp_path / "copy").thresholds
    assert [(entry.target, entry.false_alarm_rate) for entry in published] == [
        ("logo", 0.01),
        ("logo", 0.003),
    ]
    for entry in published:
        assert (logo[50:] >= entry.threshold).sum() <= entry.false_alarm_rate * 400
        assert entry.recall == (logo[:50] >= entry.threshold).mean()
        assert entry.recall_low <= entry.recall <= entry.recall_high


def test_a_model_that_was_not_evaluated_has_no_thresholds(artifact: Path, tmp_path: Path) -> None:
    copytree(artifact, tmp_path / "copy")
    spec = load_artifact(artifact).spec
    facts = Facts("m", "1", LABELS, spec, Calibration(base_rate=0.5), {}, {})
    assert publish(facts, tmp_path / "copy").thresholds == ()


def test_an_artifact_gets_another_version_and_stays_as_it_is(artifact: Path, tmp_path: Path) -> None:
    copytree(artifact, tmp_path / "copy")
    before = read_manifest(artifact)
    again = publish_as("2.1-run7", tmp_path / "copy")
    assert (again.name, again.version) == (before.name, "2.1-run7")
    after = read_manifest(again.path)
    models = [{name: m.files[name] for name in m.files if name.startswith("model.")} for m in (before, after)]
    assert models[0] == models[1]
    assert (after.labels, after.calibration, after.metrics, after.training) == (
        before.labels, before.calibration, before.metrics, before.training,
    )  # fmt: skip
    assert (again.path / "MODEL_CARD.md").read_text().startswith(f"# {before.name} 2.1-run7\n")
