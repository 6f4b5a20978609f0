import pytest

from benchmarks.projection import Cluster, Step, images_per_s

STEP = Step(sums=100, gradient_bytes=25e6)
CLUSTER = Cluster(images_per_s=300.0, bandwidth=1.25e9, message_s=1e-4)


def test_one_node_exchanges_nothing() -> None:
    assert images_per_s(STEP, CLUSTER, nodes=1, images=32) == pytest.approx(300.0)


def test_a_step_is_the_images_and_then_the_sums() -> None:
    compute_s, gradients_s, norms_s = 32 / 300, 25e6 / 1.25e9, 100 * 2 * 1e-4

    rate = images_per_s(STEP, CLUSTER, nodes=2, images=32)

    assert rate == pytest.approx(64 / (compute_s + gradients_s + norms_s))


def test_more_images_in_a_step_waste_less_of_a_node() -> None:
    few, many = (images_per_s(STEP, CLUSTER, nodes=8, images=images) for images in (32, 128))

    assert few < many < 8 * 300
