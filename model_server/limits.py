"""The limits of a request: what it may have, and which inline images fit into it together."""

from dataclasses import dataclass, replace

ITEM_BYTES = 200
"""What an item has beside its base64: its keys and marks, a filename and a target of common lengths."""

EXPLAIN_MAX_NUM = 8
"""Items of a request for explanations: each answer has a picture, and takes a worker 1.6 times as long."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may have: items, and bytes of an inline image (decoded) and of a body."""

    images_max_num: int
    image_max_bytes: int
    body_max_bytes: int

    def of_explanations(self) -> "Limits":
        """Those of a request for explanations."""
        return replace(self, images_max_num=min(self.images_max_num, EXPLAIN_MAX_NUM))

    def describe_body_limit(self) -> str:
        """Why a body is refused that has more bytes, and which inline images fit."""
        fitting = " or ".join(f"{count:,} of {size:,} bytes" for count, size in self._fitting() if size > 0)
        images = f"; of inline images fit {fitting}" if fitting else ""
        return f"the body has more than {self.body_max_bytes:,} bytes{images}"

    def _fitting(self) -> tuple[tuple[int, int], ...]:
        """Numbers of images, and the bytes that each may have: the largest images, and the most."""
        most = self.images_max_num
        largest = self.body_max_bytes // (ITEM_BYTES + _base64(self.image_max_bytes))
        counts = dict.fromkeys((min(max(largest, 1), most), most))
        return tuple((count, self._bytes_each(count)) for count in counts)

    def _bytes_each(self, count: int) -> int:
        return min(self.image_max_bytes, (self.body_max_bytes // count - ITEM_BYTES) // 4 * 3)


def _base64(size_bytes: int) -> int:
    """The characters of base64 text that stands for so many bytes."""
    return -(-size_bytes // 3) * 4
