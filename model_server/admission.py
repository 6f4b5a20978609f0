"""Admission: how many images may be admitted and unfinished at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from model_server.errors import Overloaded


class Admission:
    """Counts images from their request's admission to its end; refuses what would exceed the limit."""

    def __init__(self, max_images: int) -> None:
        self._max_images = max_images
        self.in_flight = 0

    @contextmanager
    def admit(self, images: int) -> Iterator[None]:
        """Hold a request's images for the length of the block.

        Raises:
            Overloaded: They do not fit.
        """
        if self.in_flight + images > self._max_images:
            raise Overloaded("too many images are being scored; try again shortly")
        self.in_flight += images
        try:
            yield
        finally:
            self.in_flight -= images
