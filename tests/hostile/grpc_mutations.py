"""Mutations of messages of gRPC, each made from a number and from nothing else.

    mutant(4711).message

What the seed decides: which method, how many files there are, whether they are serialized, and what is done
to the message then. A field of it is removed, doubled or given a value that it should not have; or its bytes
are cut off, flipped, repeated or have others put among them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from tests.harness.grpc import MODEL, MODEL_INFER, add_input
from tests.hostile.v2_mutations import CANARY
from tests.images import one_colour

SECRETS = (("authorization", f"Bearer {CANARY.decode()}"), ("cookie", f"a={CANARY.decode()}"))
CHANGES_AT_ONCE = (0, 1, 1, 2, 4)
IMAGES = (one_colour("red") + CANARY, one_colour("blue")[:60] + CANARY, CANARY, b"")
NUMBERS = (0, 1, -1, 2, 50, 51, 2**31, -(2**63), 2**63 - 1)
TEXTS = ("", "image", "url", "BYTES", "FP32", "ü" * 2000, "\0", "a\nb", "x" * 70000)
SERVICE = MODEL_INFER.rpartition("/")[0]
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
OTHERS: dict[str, Any] = {
    f"{SERVICE}/ServerReady": pb.ServerReadyRequest(),
    f"{SERVICE}/ModelReady": pb.ModelReadyRequest(name=MODEL),
    f"{SERVICE}/ModelMetadata": pb.ModelMetadataRequest(name=MODEL),
    "/grpc.health.v1.Health/Check": health_pb2.HealthCheckRequest(service=SERVICE.strip("/")),
    REFLECT: reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE.strip("/")),
    f"{SERVICE}/NoMethod": pb.ServerLiveRequest(),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A message, the method that is called with it, and how to make both again."""

    seed: int
    method: str
    message: bytes


def mutant(seed: int) -> Mutant:
    """The mutant of a seed; of eight, seven are of ModelInfer."""
    random = Random(seed)
    changes = random.choice(CHANGES_AT_ONCE)
    if random.random() < 0.125:
        method, other = random.choice(list(OTHERS.items()))
        return Mutant(seed, method, _damage(other.SerializeToString(), changes, random))
    request = _sound(random)
    of_fields = random.randint(0, changes)
    for _ in range(of_fields):
        random.choice(_OF_THE_FIELDS)(request, random)
    return Mutant(seed, MODEL_INFER, _damage(request.SerializeToString(), changes - of_fields, random))


def _damage(message: bytes, changes: int, random: Random) -> bytes:
    body = bytearray(message)
    for _ in range(changes):
        body = random.choice(_OF_THE_BYTES)(body, random)
    return bytes(body)


def _sound(random: Random) -> pb.ModelInferRequest:
    files = random.choices(IMAGES, k=random.choice((1, 1, 2, 5)))
    names = [f"{number}.png".encode() for number in range(len(files))]
    raw = random.random() < 0.5
    request = pb.ModelInferRequest(model_name=MODEL, id=str(random.random()))
    for name, elements in (("image", files), ("filename", names), ("target", [b"logo"] * len(files))):
        if name == "image" or random.random() < 0.5:
            add_input(request, name, elements, raw=raw)
    if random.random() < 0.5:
        for name in random.sample(
            ["prediction", "out_of_domain", "error_code", "error_message", "scores"], 2
        ):
            request.outputs.add(name=name)
    return request


def _tensor(request: pb.ModelInferRequest, random: Random) -> Any:
    tensors = [*request.inputs, *request.outputs]
    return random.choice(tensors) if tensors else request.inputs.add()


def _rename(request: pb.ModelInferRequest, random: Random) -> None:
    _tensor(request, random).name = random.choice(TEXTS)


def _retype(request: pb.ModelInferRequest, random: Random) -> None:
    for tensor in request.inputs:
        tensor.datatype = random.choice(("BYTES", "BYTES", *TEXTS))


def _reshape(request: pb.ModelInferRequest, random: Random) -> None:
    for tensor in request.inputs[:1]:
        tensor.shape[:] = random.choices(NUMBERS, k=random.choice((0, 1, 1, 2, 30)))


def _refer(request: pb.ModelInferRequest, random: Random) -> None:
    setattr(request, random.choice(("model_name", "model_version", "id")), random.choice((*TEXTS, "1")))


def _parametrise(request: pb.ModelInferRequest, random: Random) -> None:
    names = ("binary_data", "shared_memory_region", "classification", *TEXTS[:3])
    holder = random.choice((request, _tensor(request, random)))
    holder.parameters[random.choice(names)].int64_param = random.choice(NUMBERS)


def _remove(request: pb.ModelInferRequest, random: Random) -> None:
    for field in (request.inputs, request.raw_input_contents, request.outputs):
        if field and random.random() < 0.5:
            del field[random.randrange(len(field))]


def _double(request: pb.ModelInferRequest, random: Random) -> None:
    doubled = random.choice((request.inputs, request.outputs))
    if doubled:
        doubled.extend([doubled[0]] * random.choice((1, 1, 60)))


def _fill(request: pb.ModelInferRequest, random: Random) -> None:
    request.raw_input_contents.extend([CANARY] * random.choice((0, 0, 1)))
    for tensor in request.inputs[:1]:
        tensor.contents.fp32_contents.extend([1.0] * random.choice((0, 0, 1)))
        tensor.contents.bytes_contents.extend([CANARY] * random.choice((0, 1)))


def _truncate(body: bytearray, random: Random) -> bytearray:
    return body[: random.randint(0, len(body))]


def _flip(body: bytearray, random: Random) -> bytearray:
    for _ in range(random.choice((1, 4)) if body else 0):
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return body


def _insert(body: bytearray, random: Random) -> bytearray:
    at = random.randint(0, len(body))
    body[at:at] = random.choice(
        (b"\x2a\x00", b"\x2a\x00" * 40000, b"\x0b", b"\xff" * 11, b"\x3a\x00", random.randbytes(5))
    )
    return body


def _repeat(body: bytearray, random: Random) -> bytearray:
    begin, end = sorted(random.randint(0, len(body)) for _ in range(2))
    return body[:end] + body[begin:]


_OF_THE_FIELDS: tuple[Callable[[pb.ModelInferRequest, Random], None], ...] = (
    *(_rename, _retype, _reshape, _refer),
    *(_parametrise, _remove, _double, _fill),
)
_OF_THE_BYTES: tuple[Callable[[bytearray, Random], bytearray], ...] = (_truncate, _flip, _insert, _repeat)
