"""What can be wrong with a job as a whole: its inputs or its output. One line, for the operator."""

from logo_detection.errors import LogoDetectionError


class BatchError(LogoDetectionError):
    """The inputs are not readable as what they are said to be, or the output is another job's."""
