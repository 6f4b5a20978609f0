"""The schedule: every step is trained once, at a rate that rises and falls."""

from dataclasses import replace
from pathlib import Path

import keras
from hypothesis import given, settings
from hypothesis import strategies as st

from training.recipe import Stage, steps_of
from training.schedule import Chunk, LearningRate, chunks_of, learning_rate_of

CHECKPOINTS = Path(__file__).parent / "checkpoints"
STAGES = st.lists(
    st.builds(
        Stage,
        size=st.just(32),
        images=st.integers(1, 3000),
        batch=st.integers(1, 64),
        rate=st.floats(1e-4, 1e-2),
        last_rate=st.just(1e-5),
        trained_from=st.sampled_from(("", "scores")),
    ),
    min_size=1,
    max_size=4,
)


def rates(stages: list[Stage], warm_up: int) -> list[float]:
    rate = LearningRate(stages, warm_up)
    return [float(rate(step)) for step in range(sum(map(steps_of, stages)))]


@given(STAGES, st.integers(1, 900))
@settings(max_examples=50)
def test_chunks_are_all_steps_in_order(stages: list[Stage], chunk_images: int) -> None:
    chunks = chunks_of(stages, chunk_images)
    steps = [step for chunk in chunks for step in chunk.steps]
    assert steps == list(range(sum(map(steps_of, stages))))
    assert all(chunk.images <= max(chunk_images, chunk.stage.batch) for chunk in chunks)
    seen = 0
    for chunk in chunks:
        assert chunk.seen == seen
        seen += chunk.images


@given(STAGES)
@settings(max_examples=50)
def test_an_optimizer_begins_where_the_backbone_joins_or_leaves(stages: list[Stage]) -> None:
    chunks = chunks_of(stages, 500)
    for previous, chunk in zip([None, *chunks], chunks, strict=False):
        is_other = previous is None or previous.stage.trained_from != chunk.stage.trained_from
        assert chunk.starts_optimizer == is_other
        assert (
            learning_rate_of(stages, chunk, 1).get_config()["stages"][0]["trained_from"]
            == chunk.stage.trained_from
        )


@given(STAGES)
@settings(max_examples=20)
def test_rates_stay_between_a_stages_first_and_last(stages: list[Stage]) -> None:
    rate, first = LearningRate(stages, 1), 0
    for stage in stages:
        for step in (first, first + steps_of(stage) - 1):
            assert 0.99e-5 <= float(rate(step)) <= stage.rate * 1.001
        first += steps_of(stage)


def test_the_rate_rises_then_falls_as_a_cosine() -> None:
    found = rates([Stage(32, 10_000, 10, 1.0, 0.1)], 100)
    assert len(found) == 1000
    assert found[:100] == sorted(found[:100])
    assert found[100:] == sorted(found[100:], reverse=True)
    assert abs(found[500] - 0.55) < 0.01
    assert abs(found[-1] - 0.1) < 0.01


def test_later_stages_do_not_warm_up_again() -> None:
    found = rates([Stage(16, 100, 10, 1.0, 0.5), Stage(32, 100, 10, 0.4, 0.1)], 5)
    assert found[0] < 0.3
    assert abs(found[10] - 0.4) < 1e-6


def test_stages_with_another_optimizer_warm_up_again() -> None:
    frozen = Stage(16, 100, 10, 1.0, 0.5, trained_from="scores")
    stages = [frozen, replace(frozen, trained_from="", rate=0.4, last_rate=0.1)]
    _, second = chunks_of(stages)
    assert second.optimizer_start == 10
    assert float(learning_rate_of(stages, second, 5)(0)) < 0.1


def test_stages_are_cut_into_chunks_of_their_own() -> None:
    stages = [Stage(16, 100, 10, 1.0, 0.5), Stage(32, 40, 20, 1.0, 0.5)]
    assert chunks_of(stages, chunk_images=60) == [
        Chunk(stages[0], range(0, 6), 0, 0),
        Chunk(stages[0], range(6, 10), 60, 0),
        Chunk(stages[1], range(10, 12), 100, 0),
    ]


def test_a_checkpoint_keeps_the_pace() -> None:
    rate = LearningRate([Stage(16, 100, 10, 1.0, 0.5)], 5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert [float(again(step)) for step in range(12)] == [float(rate(step)) for step in range(12)]


def test_a_checkpoint_that_was_saved_under_the_former_name_of_the_learning_rate_is_loaded() -> None:
    model = keras.models.load_model(CHECKPOINTS / "registered-as-pace.keras")
    assert int(model.optimizer.iterations) == 2
    expected = LearningRate([Stage(16, 100, 10, 1.0, 0.5)], 5)
    assert float(model.optimizer.learning_rate) == float(expected(2))
