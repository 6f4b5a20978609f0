"""The errors of a pipeline: a step that did not do its work, and a model that is not good enough."""

from logo_detection.errors import LogoDetectionError


class PipelineError(LogoDetectionError):
    """A pipeline cannot begin, or cannot go on. Names the parameter, the command or the file."""


class GateClosed(PipelineError):
    """A model missed a threshold. A line for each that it missed."""
