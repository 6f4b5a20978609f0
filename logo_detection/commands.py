"""Commands: how a command line is read, and how it ends, whatever its work is."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from signal import SIGINT
from typing import Any, NoReturn

from logo_detection.errors import LogoDetectionError

UNUSABLE = 2
"""The exit status where the work cannot be done as things stand; argparse has the same for a wrong option."""

INTERRUPTED = 128 + SIGINT
"""The exit status of an interrupted command, as shells have it."""


class Parser(argparse.ArgumentParser):
    """A parser that complains in one line, which names the nearest option to one that there is not.

    A word in the place of a number is called that, where argparse would name Python's type.
    """

    def __init__(self, **options: Any) -> None:
        """As argparse's, but options are written out: half of one is a slip that may begin long work."""
        super().__init__(allow_abbrev=False, **options)
        self.register("type", int, _whole_number)
        self.register("type", float, _number)

    def error(self, message: str) -> NoReturn:
        """One line, where argparse would print the whole usage."""
        unknown = message.removeprefix("unrecognized arguments: ")
        option = unknown.split()[0].partition("=")[0]
        if unknown != message and option.startswith("-"):
            message = f"{option}: no such option{hint(option, self._options())}"
        self.exit(UNUSABLE, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def _options(self) -> Iterator[str]:
        """Its own, and those of its verbs; argparse has no public list of either."""
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for verb in action.choices.values():
                    yield from verb._option_string_actions


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def hint(wrong: str, right: Iterable[str]) -> str:
    """The end of a complaint about a word that there is not: the nearest that there is, or nothing."""
    nearest = get_close_matches(wrong, list(right), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


BEGINS_ANEW = "nothing is kept; the same command begins anew"
GOES_ON = "the same command goes on where it was"


def run_command(name: str, work: Callable[[], int | None], interrupted: str = BEGINS_ANEW) -> int:
    """Do the work. Returns the exit status: the work's own, 0 where it has none, UNUSABLE or INTERRUPTED.

    A LogoDetectionError becomes one line on stderr, led by the command's name; so does an interruption.

    Args:
        name: Of the command.
        work: What it does.
        interrupted: How the user goes on after an interruption.
    """
    try:
        return work() or 0
    except LogoDetectionError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{name}: interrupted: {interrupted}\n")  # the terminal shows ^C before it
        return INTERRUPTED
