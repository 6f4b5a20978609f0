"""Mutations of V2 requests, each made from a number and from nothing else.

    mutant(4711).body

What the seed decides: how many files there are, whether they are serialized, and what is done to the request
then. A field of its JSON is removed, doubled or given a value that it should not have; or its bytes are cut
off, flipped or moved; or a length says something else than there is.
"""

import base64
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.harness.v2 import JSON_LENGTH, serialize, serialized, tensor
from tests.images import one_colour

CANARY = b"~canary~canary~canary~"
SECRETS = {"Authorization": f"Bearer {CANARY.decode()}", "Cookie": f"a={CANARY.decode()}"}
CHANGES_AT_ONCE = (0, 1, 1, 2, 4)
NUMBERS = (0, 1, -1, 2, 50, 51, 2**31, 2**32 - 1, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308)
VALUES: tuple[Any, ...] = (
    *NUMBERS,
    *(None, True, False, "", "image", "url", "BYTES", "FP32", "ü" * 2000, "\0", [], {}, [[]], [None] * 60),
)
EXTRA = (
    "parameters",
    "data",
    "binary_data_size",
    "binary_data",
    "binary_data_output",
    "shape",
    "id",
    "extra",
)
LENGTHS = ("", "-1", "0", "1", "x", "99999999", "9" * 4000)
IMAGES = (one_colour("red") + CANARY, one_colour("blue")[:60] + CANARY, CANARY, b"")


@dataclass
class Draft:
    """A request before it is written.

    Attributes:
        document: Its JSON.
        data: What follows the JSON.
        headers: Beside the length of the JSON.
    """

    document: Any
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A request, and how to make it again."""

    seed: int
    body: bytes
    headers: dict[str, str]


def mutant(seed: int) -> Mutant:
    """The mutant of a seed."""
    random = Random(seed)
    draft = _sound(random)
    changes = random.choice(CHANGES_AT_ONCE)
    of_draft = random.randint(0, changes)
    for _ in range(of_draft):
        random.choice(_OF_THE_DRAFT)(draft, random)
    text = json.dumps(draft.document).encode()
    headers = {JSON_LENGTH: str(len(text))} if draft.data or random.random() < 0.2 else {}
    body = bytearray(text + draft.data)
    for _ in range(changes - of_draft):
        body = random.choice(_OF_THE_BYTES)(body, random)
    return Mutant(seed, bytes(body), {**SECRETS, **headers, **draft.headers})


def leaks(told: str) -> list[str]:
    """What of the images and of the secrets stands in an answer or a log."""
    encoded = [base64.b64encode(b"\0" * shift + CANARY * 2)[8:24].decode() for shift in range(3)]
    return [text for text in ("canary", *encoded) if text in told]


def _sound(random: Random) -> Draft:
    files = random.choices(IMAGES, k=random.choice((1, 1, 2, 5)))
    names = [f"{number}.png".encode() for number in range(len(files))]
    inputs, data = [], b""
    for name, elements in (("image", files), ("filename", names), ("target", [b"logo"] * len(files))):
        if name != "image" and random.random() < 0.5:
            continue
        if random.random() < 0.5:
            inputs.append(serialized(name, len(serialize(elements)), len(elements)))
            data += serialize(elements)
        else:
            encode = base64.b64encode if name == "image" else bytes
            inputs.append(tensor(name, [encode(element).decode() for element in elements]))
    document: dict[str, Any] = {"id": str(random.random()), "inputs": inputs}
    if random.random() < 0.5:
        document["parameters"] = {"binary_data_output": random.random() < 0.5}
    if random.random() < 0.5:
        asked = random.sample(["prediction", "out_of_domain", "error_code", "error_message", "scores"], k=2)
        document["outputs"] = [{"name": name, "parameters": {"binary_data": True}} for name in asked]
    return Draft(document, data)


def _holders(value: Any) -> Iterator[Any]:
    """The objects and lists of a document that have something in them."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def _place(draft: Draft, random: Random) -> tuple[Any, Any] | None:
    """A holder, and where in it."""
    holders = list(_holders(draft.document))
    if not holders:
        return None
    holder = random.choice(holders)
    return holder, random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))


def _replace(draft: Draft, random: Random) -> None:
    if place := _place(draft, random):
        holder, key = place
        holder[key] = random.choice(VALUES)


def _remove(draft: Draft, random: Random) -> None:
    if place := _place(draft, random):
        holder, key = place
        del holder[key]


def _double(draft: Draft, random: Random) -> None:
    if place := _place(draft, random):
        holder, key = place
        if isinstance(holder, list):
            holder[key:key] = [holder[key]] * random.choice((1, 1, 60))
        else:
            holder[random.choice(EXTRA)] = random.choice((holder[key], *VALUES))


def _move_values(draft: Draft, random: Random) -> None:
    """Two values change places; never into the id, which is echoed."""
    first, second = _place(draft, random), _place(draft, random)
    if first and second and "id" not in (first[1], second[1]):
        (a, at), (b, to) = first, second
        if not (a[at] is b or b[to] is a or _contains(a[at], b) or _contains(b[to], a)):
            a[at], b[to] = b[to], a[at]


def _contains(value: Any, holder: Any) -> bool:
    return any(inner is holder for inner in _holders(value))


def _declare(draft: Draft, random: Random) -> None:
    draft.headers[JSON_LENGTH] = random.choice((*LENGTHS, str(random.randint(0, 2000))))


def _misstate_an_element(draft: Draft, random: Random) -> None:
    if len(draft.data) >= 4:
        data = bytearray(draft.data)
        at = random.choice((0, random.randrange(len(data) - 3)))
        struct.pack_into("<I", data, at, random.choice((0, 1, 2**31, 2**32 - 1, len(data), len(data) - 4)))
        draft.data = bytes(data)


def _cut_data(draft: Draft, random: Random) -> None:
    draft.data = draft.data[: random.randint(0, len(draft.data))]


def _append_data(draft: Draft, random: Random) -> None:
    draft.data += random.randbytes(random.randint(1, 40))


def _truncate(body: bytearray, random: Random) -> bytearray:
    return body[: random.randint(0, len(body))]


def _flip(body: bytearray, random: Random) -> bytearray:
    for _ in range(random.choice((1, 4)) if body else 0):
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return body


def _insert(body: bytearray, random: Random) -> bytearray:
    at = random.randint(0, len(body))
    body[at:at] = random.choice(
        (b"[", b"{", b'"', b",", b"\\ud800", b"\xff", b"NaN", b"[" * 2000, b"\xef\xbb\xbf")
    )
    return body


_OF_THE_DRAFT: tuple[Callable[[Draft, Random], None], ...] = (
    *(_replace, _replace, _remove, _double, _move_values),
    *(_declare, _misstate_an_element, _cut_data, _append_data),
)
_OF_THE_BYTES: tuple[Callable[[bytearray, Random], bytearray], ...] = (_truncate, _flip, _insert)
