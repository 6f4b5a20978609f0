"""The errors of a search."""

from logo_detection.errors import LogoDetectionError


class SearchError(LogoDetectionError):
    """A search cannot begin, or cannot go on. One line that names the file and the key."""
