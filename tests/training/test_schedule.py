"""The schedule: every step is trained once, at a rate that rises and falls."""

from hypothesis import given, settings
from hypothesis import strategies as st

from training.recipe import Stage
from training.schedule import chunks_of, rate_at

STAGES = st.lists(
    st.builds(
        Stage,
        size=st.just(32),
        images=st.integers(1, 3000),
        batch=st.integers(1, 64),
        rate=st.floats(1e-4, 1e-2),
        last_rate=st.just(1e-5),
    ),
    min_size=1,
    max_size=3,
)


@given(STAGES, st.integers(1, 900))
@settings(max_examples=50, deadline=None)
def test_chunks_are_all_steps_in_order(stages: list[Stage], chunk_images: int) -> None:
    chunks = chunks_of(stages, chunk_images)
    steps = [step for chunk in chunks for step in chunk.steps]
    assert steps == list(range(sum(max(1, stage.images // stage.batch) for stage in stages)))
    assert all(chunk.images <= max(chunk_images, chunk.stage.batch) for chunk in chunks)


@given(STAGES)
@settings(max_examples=30, deadline=None)
def test_rates_stay_between_a_stages_first_and_last(stages: list[Stage]) -> None:
    for chunk in chunks_of(stages, 500):
        for index in (0, len(chunk.steps) - 1):
            assert 0.99e-5 <= rate_at(index, chunk, warm_up=1) <= chunk.stage.rate


def test_the_rate_rises_then_falls_as_a_cosine_across_chunks() -> None:
    chunks = chunks_of([Stage(32, 10_000, 10, 1.0, 0.1)], 3_000)
    rates = [rate_at(index, chunk, 100) for chunk in chunks for index in range(len(chunk.steps))]
    assert len(rates) == 1000
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert abs(rates[500] - 0.55) < 0.01
    assert abs(rates[-1] - 0.1) < 0.01


def test_later_stages_do_not_warm_up_again() -> None:
    first, second = chunks_of([Stage(16, 100, 10, 1.0, 0.5), Stage(32, 100, 10, 0.4, 0.1)])
    assert rate_at(0, first, 5) < 0.3
    assert rate_at(0, second, 5) == 0.4


def test_stages_are_cut_into_chunks_of_their_own() -> None:
    chunks = chunks_of([Stage(16, 100, 10, 1.0, 0.5), Stage(32, 40, 20, 1.0, 0.5)], chunk_images=60)
    assert [(chunk.stage.size, chunk.steps) for chunk in chunks] == [
        (16, range(0, 6)),
        (16, range(6, 10)),
        (32, range(10, 12)),
    ]
