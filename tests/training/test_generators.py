"""Generated pictures: every kind can be drawn, from its seed alone."""

import warnings

import numpy as np
import pytest
from PIL import Image

from training.generators.catalogue import NEGATIVES, Drawing, drawings_of

KINDS = [(category, kind) for category, kinds in NEGATIVES.items() for kind in kinds]


def draw(category: str, kind: str, seed: int) -> Image.Image:
    with warnings.catch_warnings():
        # Of a crowded chart matplotlib says that its layout did not work out; such charts are wanted too.
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
        return Drawing(category, kind, seed).draw()


@pytest.mark.parametrize(("category", "kind"), KINDS)
def test_every_kind_is_a_picture_of_something(category: str, kind: str) -> None:
    picture = draw(category, kind, 5)
    assert picture.mode == "RGB"
    assert min(picture.size) >= 32
    assert kind == "solid" or np.asarray(picture).std() > 1


@pytest.mark.parametrize("category", sorted(NEGATIVES))
def test_a_drawing_is_its_seeds_alone(category: str) -> None:
    kind = list(NEGATIVES[category])[-1]
    first, again, other = (draw(category, kind, seed).tobytes() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_kinds_take_turns_and_held_out_ones_are_left_out() -> None:
    drawings = list(drawings_of({"flag": 4, "code": 3}, 2, frozenset({"flag/wrapped"})))
    assert [(item.category, item.kind) for item in drawings] == [
        ("flag", "flat"),
        ("flag", "flat"),
        ("flag", "flat"),
        ("flag", "flat"),
        ("code", "matrix"),
        ("code", "bars"),
        ("code", "matrix"),
    ]
    assert len({(item.category, item.seed) for item in drawings}) == 7


def test_two_seeds_of_a_plan_share_no_drawing() -> None:
    first, second = (set(drawings_of({"map": 50}, seed, frozenset())) for seed in (1, 2))
    assert not first & second
