"""Runs: what a directory says of a training, however often that was killed."""

from pathlib import Path

from training.run import Run


def test_a_part_that_is_trained_again_is_told_of_once(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.read_history() == []
    for step, loss in ((4, 0.9), (8, 0.5), (8, 0.4), (12, 0.3)):
        run.append_history({"step": step, "loss": loss})
    assert run.read_history() == [
        {"step": "4", "loss": "0.9"},
        {"step": "8", "loss": "0.4"},
        {"step": "12", "loss": "0.3"},
    ]


def test_a_history_of_an_earlier_version_goes_on_with_other_columns(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.append_history({"step": 4, "auc": 0.9})
    run.append_history({"step": 8, "auc_pr": 0.8})
    assert run.read_history() == [{"step": "4", "auc_pr": ""}, {"step": "8", "auc_pr": "0.8"}]
