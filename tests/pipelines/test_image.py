"""The image in which Kubeflow runs each step: it is built, and its own user can do what the steps do."""

import json

import pytest

from tests.containers import run_in_image

# Of every package that a step leans on, the ones that a build could lack; and a picture, drawn and scored.
USE = """
import kfp, keras_cv, optuna
from batch import classify
from synthetic.catalogue import Drawing
Drawing("chemistry", "structure", seed=1).draw().save("/tmp/drawn.png")
classify.main(["--json", "/tmp/drawn.png"])
"""


@pytest.mark.soak
def test_its_user_can_draw_a_picture_and_score_it_with_the_shipped_model() -> None:
    done = run_in_image("pipeline", "python", "-c", USE, user="900:900", timeout_s=600)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["out_of_domain"] > 0.5
