"""The errors of a pipeline: a step that cannot begin, or did not do its work."""

from logo_detection.errors import LogoDetectionError


class PipelineError(LogoDetectionError):
    """A pipeline cannot begin, or cannot go on. Names the parameter, the command or the file."""
