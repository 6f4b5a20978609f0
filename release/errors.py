"""The errors of a release: a model that is not good enough, and thresholds that are none."""

from logo_detection.errors import LogoDetectionError


class ThresholdsInvalid(LogoDetectionError):
    """A threshold of the gate is unknown, or is no number that it could be. Names it."""


class GateClosed(LogoDetectionError):
    """A model missed a threshold. A line for each that it missed."""
