"""The wire format of protobuf, read as far as it takes to bound what a message becomes in memory.

An empty message inside a message becomes forty times its size in memory, so that 64 MiB of them would become
gigabytes. What a tensor's elements are made of stays as large as it is. So all the other bytes
of a message are counted before it is parsed: names, shapes, parameters, and what stands before each element.
"""

from collections.abc import Mapping

from model_server.errors import RequestMalformed

VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5
VARINT_MAX_BYTES = 10
SIZES = {FIXED_64: 8, FIXED_32: 4}

Elements = Mapping[int, "Elements | None"]
"""Numbers of the fields that have elements: None where the field is one, else those of the message in it."""


def count_overhead(message: memoryview, elements: Elements, most: int) -> int:
    """How many bytes of a serialized message belong to no element.

    Args:
        message: As it came.
        elements: Of its fields.
        most: Where to stop counting: a message of small fields would take long.

    Raises:
        RequestMalformed: It is cut short, is no message of protobuf, or has more such bytes.
    """
    at = overhead = 0
    while at < len(message):
        began = at
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        size, at = _read_size(message, at, kind)
        end = at + size
        if end > len(message):
            raise RequestMalformed("the message is cut short")
        if kind == LENGTH_DELIMITED and number in elements:
            below = elements[number]
            left = most - overhead - (at - began)
            overhead += 0 if below is None else count_overhead(message[at:end], below, left)
        else:
            overhead += size
        overhead += at - began
        if overhead > most:
            raise RequestMalformed("the message has too many bytes beside the elements of its tensors")
        at = end
    return overhead


def _read_size(message: memoryview, at: int, kind: int) -> tuple[int, int]:
    """How many bytes a field's value has, and where they begin."""
    if kind == VARINT:
        _, end = _read_varint(message, at)
        return end - at, at
    if kind == LENGTH_DELIMITED:
        return _read_varint(message, at)
    if kind not in SIZES:
        raise RequestMalformed("the message is not one of protobuf")
    return SIZES[kind], at


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for index, byte in enumerate(message[at : at + VARINT_MAX_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise RequestMalformed("the message is cut short, or has a number of too many bytes")
