"""The errors of evaluation: a set of images, or a table of scores, on which no model can be evaluated."""

from logo_detection.errors import LogoDetectionError


class EvaluationError(LogoDetectionError):
    """A model cannot be evaluated on what was given. One line that names the item."""
