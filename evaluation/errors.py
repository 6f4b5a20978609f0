"""The errors of judging: a set, or a table of scores, that no model can be judged by."""

from logo_detection.errors import LogoDetectionError


class EvaluationError(LogoDetectionError):
    """What is to be judged by is not fit for it. One line, that names the item."""
