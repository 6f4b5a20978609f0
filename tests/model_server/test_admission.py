import pytest

from model_server.admission import Admission
from model_server.errors import Overloaded


def test_images_are_admitted_up_to_the_limit_and_refused_beyond() -> None:
    admission = Admission(10)
    with admission.admit(6), admission.admit(4):
        assert admission.in_flight == 10
        with pytest.raises(Overloaded), admission.admit(1):
            pass
        assert admission.in_flight == 10
    assert admission.in_flight == 0


def test_a_request_that_fails_gives_its_places_back() -> None:
    admission = Admission(10)
    with pytest.raises(ZeroDivisionError), admission.admit(10):
        raise ZeroDivisionError
    assert admission.in_flight == 0
