"""The benchmark of explanations, with a small model: it says what it promises to."""

from pathlib import Path

from benchmarks.explanations import measure
from tests.images import one_colour
from tests.models import tiny_source


async def test_it_measures_a_worker_that_explained_beside_one_that_never_did(tmp_path: Path) -> None:
    costs = await measure(tiny_source(tmp_path), one_colour("red"), rounds=3)
    assert costs.first_s > 0
    assert costs.score_ms > 0
    assert costs.after_ratio > 0
    assert costs.explain_ratio > 1  # it draws a picture, which takes longer than the small model
