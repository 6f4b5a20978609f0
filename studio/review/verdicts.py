"""Verdicts: what follows from the decisions about an item.

Two reviewers decide, neither of whom knows of the other. Where they say the same, that is the verdict. Else
there is a dispute, and a third decides: what two of the three say is the verdict, and three different answers
are *unsure*. What is unsure is no data. A decision beyond those, by somebody who looked at the item at the
same time, is kept and changes nothing.
"""

from collections import Counter
from collections.abc import Sequence

from studio.review.models import Answer, Verdict

NEEDED = 2
MOST = 3
"""Decisions that count."""


def verdict_of(answers: Sequence[Answer]) -> Verdict:
    """The verdict that follows from answers in the order in which they were given."""
    if len(answers) < NEEDED:
        return Verdict.OPEN
    if len(set(answers[:NEEDED])) == 1:
        return Verdict(answers[0])
    if len(answers) < MOST:
        return Verdict.DISPUTED
    answer, votes = Counter(answers[:MOST]).most_common(1)[0]
    return Verdict(answer) if votes >= NEEDED else Verdict.UNSURE
