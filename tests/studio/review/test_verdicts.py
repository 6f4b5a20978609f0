"""Verdicts: two agree, or a third decides."""

import pytest

from studio.review.models import Answer, Verdict
from studio.review.verdicts import verdict_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ("", "open"), ("yes", "open"), ("unsure", "open"),
        ("yes yes", "yes"), ("no no", "no"), ("unsure unsure", "unsure"),
        ("yes no", "disputed"), ("yes unsure", "disputed"), ("unsure no", "disputed"),
        ("yes no yes", "yes"), ("yes no no", "no"), ("yes unsure yes", "yes"), ("no unsure unsure", "unsure"),
        ("yes no unsure", "unsure"), ("yes unsure no", "unsure"),
        ("yes yes no", "yes"), ("no no yes yes", "no"), ("yes no unsure yes", "unsure"),
    ],
)  # fmt: skip
def test_a_verdict_takes_two_who_agree_among_the_first_three(answers: str, verdict: str) -> None:
    assert verdict_of([Answer(each) for each in answers.split()]) == Verdict(verdict)
