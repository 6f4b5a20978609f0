import pytest

from model_server.admission import Admission
from model_server.errors import Overloaded

ENOUGH_S = 12.0


def no_idea() -> float:
    return 0.0


def test_images_are_admitted_up_to_the_limit_and_refused_beyond() -> None:
    admission = Admission(10, no_idea)
    with admission.admit(6, ENOUGH_S), admission.admit(4, ENOUGH_S):
        assert (admission.in_flight, admission.requests) == (10, 2)
        with pytest.raises(Overloaded), admission.admit(1, ENOUGH_S):
            pass
        with pytest.raises(Overloaded):
            admission.check_room()
        assert admission.in_flight == 10
    assert (admission.in_flight, admission.requests, admission.finished) == (0, 0, 2)
    admission.check_room()


def test_a_request_that_fails_gives_its_places_back() -> None:
    admission = Admission(10, no_idea)
    with pytest.raises(ZeroDivisionError), admission.admit(10, ENOUGH_S):
        raise ZeroDivisionError
    assert (admission.in_flight, admission.requests) == (0, 0)


def test_what_could_not_be_finished_in_time_is_refused_at_once() -> None:
    admission = Admission(1000, lambda: 0.1)
    with admission.admit(50, ENOUGH_S), admission.admit(50, ENOUGH_S):
        with admission.admit(50, time_left_s=20.1):
            pass
        with pytest.raises(Overloaded, match="in time"), admission.admit(50, time_left_s=19.9):
            pass


@pytest.mark.parametrize("time_left_s", [0.0, -0.04])
def test_a_request_without_time_left_is_no_overload(time_left_s: float) -> None:
    admission = Admission(1000, lambda: 0.1)
    with admission.admit(50, ENOUGH_S), admission.admit(1, time_left_s):
        assert admission.requests == 2


def test_a_small_request_waits_for_one_image_of_each_large_one() -> None:
    admission = Admission(1000, lambda: 0.1)
    with admission.admit(50, ENOUGH_S), admission.admit(50, ENOUGH_S):
        with admission.admit(1, time_left_s=0.5):
            pass
        with pytest.raises(Overloaded), admission.admit(1, time_left_s=0.3):
            pass


def test_whoever_comes_first_is_admitted_however_slow_the_workers_are() -> None:
    admission = Admission(1000, lambda: 60.0)
    with admission.admit(50, time_left_s=1.0):
        assert admission.requests == 1
