"""Generated pictures: every kind can be drawn, from its seed alone."""

import numpy as np
import pytest
from PIL import Image

from synthetic.catalogue import NEGATIVES, Drawing, drawings_of
from synthetic.flag_hybrids import recombine
from synthetic.flags import flat
from synthetic.stateless_random import seeded

KINDS = [(category, kind) for category, kinds in NEGATIVES.items() for kind in kinds]


def draw(category: str, kind: str, seed: int) -> Image.Image:
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


@pytest.mark.parametrize(("kind", "seed"), [("bars", 1), ("radial", 37)])
def test_a_chart_too_crowded_for_its_layout_is_drawn_without_a_warning(kind: str, seed: int) -> None:
    assert np.asarray(draw("chart", kind, seed)).std() > 1


def test_kinds_take_turns_and_held_out_ones_are_left_out() -> None:
    drawings = list(drawings_of({"heraldry": 3, "code": 3}, 2, frozenset({"heraldry/medal"})))
    assert [(item.category, item.kind) for item in drawings] == [
        ("heraldry", "arms"),
        ("heraldry", "arms"),
        ("heraldry", "arms"),
        ("code", "matrix"),
        ("code", "bars"),
        ("code", "matrix"),
    ]
    assert len({(item.category, item.seed) for item in drawings}) == 6


def test_two_seeds_of_a_plan_share_no_drawing() -> None:
    first, second = (set(drawings_of({"map": 50}, seed, frozenset())) for seed in (1, 2))
    assert not first & second


@pytest.mark.slow
@pytest.mark.parametrize("category", sorted(NEGATIVES))
def test_every_kind_draws_from_five_seeds_within_bounds(category: str) -> None:
    for kind in NEGATIVES[category]:
        pictures = [draw(category, kind, seed) for seed in range(5)]
        assert {picture.mode for picture in pictures} == {"RGB"}
        assert all(32 <= side <= 2_500 for picture in pictures for side in picture.size), kind
        plain = sum(float(np.asarray(picture).std()) < 1 for picture in pictures)
        assert plain == 0 or kind == "solid", f"{plain} of 5 {category}/{kind} show nothing"
        assert len({picture.tobytes() for picture in pictures}) >= 4, kind


def test_recombining_gives_a_flag_of_the_first_ones_size_from_its_seed_alone() -> None:
    first, second = flat(seeded("first")), flat(seeded("second")).resize((90, 61))
    made = [recombine(seeded(seed), first, second) for seed in range(30)]
    assert {(picture.mode, picture.size) for picture in made} == {("RGB", first.size)}
    assert recombine(seeded(3), first, second).tobytes() == made[3].tobytes()
    assert len({picture.tobytes() for picture in made}) >= 15


def test_recombining_leaves_both_flags_as_they_were() -> None:
    first, second = flat(seeded("first")), flat(seeded("second"))
    before = first.tobytes(), second.tobytes()
    for seed in range(12):
        recombine(seeded(seed), first, second)
    assert (first.tobytes(), second.tobytes()) == before


def test_a_flag_of_another_mode_is_recombined_too() -> None:
    first, second = flat(seeded("first")).convert("P"), flat(seeded("second")).convert("RGBA")
    assert recombine(seeded(1), first, second).mode == "RGB"
