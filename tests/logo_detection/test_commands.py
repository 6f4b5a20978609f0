import pytest

from logo_detection.commands import INTERRUPTED, UNUSABLE, run_command
from logo_detection.errors import LogoDetectionError


@pytest.mark.parametrize("status", [None, 0, 1])
def test_a_command_ends_as_its_work_says(status: int | None) -> None:
    assert run_command("logo-test", lambda: status) == (status or 0)


def test_what_cannot_be_done_is_one_line_of_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise LogoDetectionError("there is no model")

    assert run_command("logo-test", work) == UNUSABLE
    assert capsys.readouterr() == ("", "logo-test: there is no model\n")


def test_an_interrupted_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise KeyboardInterrupt

    assert run_command("logo-test", work) == INTERRUPTED == 130
    assert capsys.readouterr() == ("", "")
