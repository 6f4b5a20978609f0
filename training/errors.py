"""The errors of training."""

from logo_detection.errors import LogoDetectionError


class TrainingError(LogoDetectionError):
    """A training cannot begin, or cannot be resumed. One line that names the file and the field."""


class RecipeInvalid(TrainingError):
    """A recipe is no TOML, contradicts itself, or is not that of the run."""


class WeightsMismatch(TrainingError):
    """Weights of another network."""


class ProcessLost(TrainingError):
    """Another process of the training has ended, or says nothing. The run goes on from its checkpoint."""
