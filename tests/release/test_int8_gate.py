"""The gate of int8, on scores that were made up."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.outcomes import Aligned
from release.errors import GateClosed
from release.gate import refuse_missed
from release.int8_gate import Bounds, Losses, compare_precisions, findings

LABELS = ("out_of_domain", "logo")
OTHERS, LOGOS = 1000, 100


def aligned(logo: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Aligned:
    """The scores of so many others and logos, each image a group of its own."""
    truth = np.repeat([0, 1], [OTHERS, LOGOS])
    scores = np.stack([1 - logo, logo], axis=1)
    return Aligned({"as is": scores}, truth, ("any",) * len(truth), np.arange(len(truth)), {})


def good_scores() -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Others below 0.4, logos above 0.6: every number is perfect."""
    return np.concatenate([np.linspace(0.01, 0.4, OTHERS), np.linspace(0.6, 0.99, LOGOS)])


def compare(int8: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Losses:
    return compare_precisions(aligned(good_scores()), aligned(int8), LABELS)


def missed(losses: Losses) -> list[str]:
    found = list(findings(losses, Bounds()))
    assert len(found) == 3
    return [finding.name for finding in found if finding.is_missed()]


def test_the_same_scores_lose_nothing() -> None:
    losses = compare(good_scores())
    (one,) = losses.targets
    assert (one.auc_pr.by, one.auc_pr.low, one.auc_pr.high) == (0, 0, 0)
    assert one.recall is not None
    assert one.recall.by == 0
    assert losses.flips == {"as is": 0}
    assert missed(losses) == []


def test_a_model_whose_ranking_suffers_is_refused() -> None:
    scores = good_scores()
    scores[OTHERS - 3 : OTHERS] = 0.499  # of no logo's verdict, and no more than 0.3 % of the others
    scores[OTHERS : OTHERS + 2] = 0.5  # still logos, behind nobody
    assert missed(compare(scores)) == []
    scores[OTHERS - 3 : OTHERS] = 0.995  # 3 in 1,000 before all logos: recall at that rate does not see them
    losses = compare(scores)
    assert losses.targets[0].auc_pr.by > 0.001
    assert losses.targets[0].auc_pr.low <= losses.targets[0].auc_pr.by <= losses.targets[0].auc_pr.high
    assert missed(losses) == ["AUC-PR lost of logo in int8 (as is)"]


def test_a_model_that_finds_less_at_few_false_alarms_is_refused() -> None:
    scores = good_scores()
    scores[OTHERS : OTHERS + 2] = 0.35  # two of a hundred logos, behind more than 3 in 1,000 of the others
    losses = compare(scores)
    assert losses.targets[0].recall is not None
    assert losses.targets[0].recall.by == pytest.approx(0.02)
    assert "recall at 0.3% false alarms lost of logo in int8 (as is)" in missed(losses)


def test_a_model_that_changes_verdicts_is_refused_although_it_finds_as_much() -> None:
    scores = good_scores() - 0.15  # by order the same, but logos below 0.65 are called none now
    losses = compare(np.clip(scores, 0, 1))
    assert losses.flips["as is"] > 0.01
    assert missed(losses) == ["images called otherwise in int8 (as is)"]


def test_what_could_not_be_measured_is_no_pass() -> None:
    losses = compare(good_scores())
    unmeasured = replace(losses, targets=tuple(replace(one, recall=None) for one in losses.targets))
    with pytest.raises(GateClosed, match=r"the gate is closed to m 1 in int8, which misses 1 of 3") as closed:
        refuse_missed("m 1 in int8", list(findings(unmeasured, Bounds())))
    assert "not measured, wanted at most 0.01" in str(closed.value)
