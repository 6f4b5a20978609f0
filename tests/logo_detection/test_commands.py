import pytest

from logo_detection.commands import GOES_ON, INTERRUPTED, UNUSABLE, Parser, run_command
from logo_detection.errors import LogoDetectionError


@pytest.mark.parametrize("status", [None, 0, 1])
def test_a_command_ends_as_its_work_says(status: int | None) -> None:
    assert run_command("logo-test", lambda: status) == (status or 0)


def test_what_cannot_be_done_is_one_line_of_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise LogoDetectionError("there is no model")

    assert run_command("logo-test", work) == UNUSABLE
    assert capsys.readouterr() == ("", "logo-test: there is no model\n")


def test_an_interrupted_command_says_in_a_line_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise KeyboardInterrupt

    assert run_command("logo-test", work) == INTERRUPTED == 130
    assert capsys.readouterr() == (
        "",
        "\nlogo-test: interrupted: nothing is kept; the same command begins anew\n",
    )
    assert run_command("logo-test", work, GOES_ON) == INTERRUPTED
    assert capsys.readouterr().err.endswith(": interrupted: the same command goes on where it was\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--outpu", "x"], "logo-test: --outpu: no such option; did you mean --output?"),
        (["run", "--lim", "1"], "logo-test: --lim: no such option; did you mean --limit?"),
        (["--outptu", "x"], "logo-test: --outptu: no such option; did you mean --output?"),
        (["--outptu=x"], "logo-test: --outptu: no such option; did you mean --output?"),
        (["run", "--lmiit", "1"], "logo-test: --lmiit: no such option; did you mean --limit?"),
        (["--zzz"], "logo-test: --zzz: no such option"),
        (["run", "words"], "logo-test: unrecognized arguments: words"),
    ],
)
def test_an_option_that_there_is_not_gets_one_line_with_the_nearest(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = Parser(prog="logo-test")
    parser.add_argument("--output")
    if arguments[0] == "run":
        parser.add_subparsers().add_parser("run").add_argument("--limit")
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    assert end.value.code == UNUSABLE
    assert capsys.readouterr().err == f"{line} (see logo-test --help)\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seed", "x"], "argument --seed: 'x' is not a whole number"),
        (["--seed", "1.5"], "argument --seed: '1.5' is not a whole number"),
        (["--rate", "much"], "argument --rate: 'much' is not a number"),
        (["run", "--limit", "all"], "argument --limit: 'all' is not a whole number"),
    ],
)
def test_a_word_in_the_place_of_a_number_is_called_that(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = Parser(prog="logo-test")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_subparsers().add_parser("run").add_argument("--limit", type=int)
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    assert end.value.code == UNUSABLE
    assert complaint in capsys.readouterr().err
