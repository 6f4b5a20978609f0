"""Admission: which requests are let in, so that what is let in is finished in time.

Images are counted from their request's admission to its end. The queue before the workers is the only
wait there is: it is bounded in images, and in time by the requests' deadlines. Whoever would have to wait
longer than that is refused at once (docs/decisions/one-queue.md).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model_server.errors import Overloaded

CAUTION = 2
"""Safety factor on the estimated wait: a request is admitted only if workers this many times slower would
do."""


class Admission:
    """Counts images and requests; refuses what does not fit, or would come too late.

    Args:
        max_images: Images that may be admitted and unfinished at once.
        image_s: Reads how many seconds the workers together take for an image, lately; 0 where nobody
            knows yet.
    """

    def __init__(self, max_images: int, image_s: Callable[[], float]) -> None:
        self._max_images = max_images
        self._image_s = image_s
        self._sizes: Counter[int] = Counter()  # images of a request -> how many requests have so many
        self.in_flight = 0
        self.finished = 0
        """Requests that were admitted, and ended."""

    @property
    def requests(self) -> int:
        """Requests that were admitted, and did not end yet."""
        return self._sizes.total()

    def check_room(self) -> None:
        """Raise Overloaded where not even one image would fit; costs less than to parse the request."""
        self._check_fits(1)

    @contextmanager
    def admit(self, images: int, time_left_s: float) -> Iterator[None]:
        """Hold a request's images for the length of the block.

        Raises:
            Overloaded: They do not fit, or those before them would leave them no time. One that has none
                anyway waits for nobody: its files end at the deadline.
        """
        self._check_fits(images)
        if 0 < time_left_s < CAUTION * self._wait_s(images):
            raise Overloaded("the images could not be scored in time; try again shortly")
        self.in_flight += images
        self._sizes[images] += 1
        try:
            yield
        finally:
            self._sizes[images] -= 1
            self.in_flight -= images
            self.finished += 1

    def _check_fits(self, images: int) -> None:
        if self.in_flight + images > self._max_images:
            raise Overloaded("too many images are being scored; try again shortly")

    def _wait_s(self, images: int) -> float:
        """Seconds spent on other requests first: each takes a turn per new image, at most its own number."""
        turns = sum(requests * min(size, images) for size, requests in self._sizes.items())
        return turns * self._image_s()
