"""Places: a launcher's variables become a rank, or an error that names the variable."""

import pytest

from training.errors import TrainingError
from training.place import ONLY, Place, place_of

GIVEN = {
    "LOGO_TRAIN_RANK": "1",
    "LOGO_TRAIN_PROCESSES": "4",
    "LOGO_TRAIN_COORDINATOR": "node-0.example:4100",
}


def test_a_launcher_gives_rank_processes_and_coordinator() -> None:
    assert place_of(GIVEN) == Place(1, 4, ("node-0.example", 4100))


def test_without_a_launcher_there_is_no_place_and_one_process_needs_no_coordinator() -> None:
    assert place_of({"PATH": "/bin"}) is None
    assert place_of({"LOGO_TRAIN_RANK": "0", "LOGO_TRAIN_PROCESSES": "1"}) == ONLY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOGO_TRAIN_RANK", "4"),
        ("LOGO_TRAIN_RANK", "first"),
        ("LOGO_TRAIN_RANK", ""),
        ("LOGO_TRAIN_PROCESSES", "0"),
        ("LOGO_TRAIN_PROCESSES", "100000"),
        ("LOGO_TRAIN_COORDINATOR", "node-0.example"),
        ("LOGO_TRAIN_COORDINATOR", ":4100"),
        ("LOGO_TRAIN_COORDINATOR", "node-0.example:65536"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(TrainingError, match=name):
        place_of({**GIVEN, name: value})


def test_every_image_of_a_batch_is_one_process_s() -> None:
    rows = [Place(rank, 4).rows(32) for rank in range(4)]
    assert [image for part in rows for image in range(32)[part]] == list(range(32))
    with pytest.raises(TrainingError, match="32 images cannot be divided among 3 processes"):
        Place(0, 3).rows(32)
