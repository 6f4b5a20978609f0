"""The errors of training: what it is told does not fit, and which of it."""

from logo_detection.errors import LogoDetectionError


class TrainingError(LogoDetectionError):
    """A training cannot begin, or cannot go on. One line, that names the file and the field."""


class RecipeInvalid(TrainingError):
    """A recipe is no TOML, contradicts itself, or is not that of the run."""


class WeightsMismatch(TrainingError):
    """Weights that are not this network's. Taking those that fit would leave the rest untrained, unsaid."""
