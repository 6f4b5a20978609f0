"""The worker: a process that turns the bytes of images into scores, and may die of them.

    frame in -> base64? -> header gate -> decode -> score, or explain -> frame out

`logo_detection.pool.process` starts it as `python -m logo_detection.pool.worker FD`, FD being its end of a
pair of sockets; `logo_detection.pool.messages` says what is sent over them.

The worker ends when its socket does, when its parent dies, or when an image takes much longer
than the parent meant to wait. It imports no more than decoding and the engine need.
"""

import base64
import binascii
import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO, NoReturn

import numpy as np
import pybase64

from logo_detection.classifier import (
    Classifier,
    Contrast,
    Explain,
    Explained,
    ModelSource,
    Scores,
    load_classifier,
)
from logo_detection.decode.header import read_header
from logo_detection.decode.image import decode, load_thumbnail
from logo_detection.decode.spec import Pixels
from logo_detection.errors import CpuUnsuitable, ImageCorrupt, ImageTooManyPixels, InternalError, ItemError
from logo_detection.head import HeadNotFound
from logo_detection.overlay import draw_overlay
from logo_detection.parent import die_with_parent
from logo_detection.pool.messages import MAX_REASON_CHARS, WorkerConfig, frame, read_frame

# How much longer than the parent a worker waits for itself. The parent's clock decides, unless it is gone.
ALARM_SLACK_S = 1.0
OOM_SCORE_ADJ = 500
# What an image may leave in the heap for the next one. Nested clip paths of an SVG leave 600 MB.
MAX_KEPT_BYTES = 64 * 2**20
# After so long without an image, a worker gives back all that is free in its heap.
IDLE_S = 1.0
# Workers run at lower priority, because every request depends on the parent's event loop.
NICENESS = 5

_STATM = Path("/proc/self/statm")  # pages: all that is mapped, and what of it is resident
_STATM_MAX_BYTES = 256

# One grey pixel, as PNG and as SVG: decoding imports what it needs upon its first image.
_WARM_UP_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
_WARM_UP_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><text>.</text></svg>'


def decode_base64(text: bytes) -> bytes:
    """The bytes of standard base64 text, in which only white space may stray.

    Raises:
        ImageCorrupt: It is something else.
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except binascii.Error:
        text = b"".join(text.split())
    try:
        return pybase64.b64decode(text, validate=True)
    except binascii.Error as error:
        is_uri = text[:5].lower() == b"data:"
        raise ImageCorrupt("the image is not base64" + (" but a data: URI" if is_uri else "")) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for beside the scores.

    Attributes:
        explain: What gives an explanation.
        contrast: Of the explanation; None: it is not asked for.
        thumbnail_side: Pixels; 0: no thumbnail is asked for.
    """

    explain: Explain
    contrast: Contrast | None = None
    thumbnail_side: int = 0


def _not_built(_: Pixels, __: Contrast) -> Explained:
    raise RuntimeError("nothing was built that explains")


SCORES_ALONE = Wanted(_not_built)


def answer(
    image: bytes, is_base64: bool, classifier: Classifier, config: WorkerConfig, wanted: Wanted = SCORES_ALONE
) -> dict[str, Any]:
    """What is sent back for one image: its scores, and what else is wanted, or why there are none.

    Running out of memory is `image_too_many_pixels`: the gate lets through what should fit.
    """
    try:
        return _score(image, is_base64, classifier, config, wanted)
    except MemoryError:
        return _refused(ImageTooManyPixels(out_of_memory=True))
    except ItemError as error:
        return _refused(error)
    except Exception as error:  # whatever a decoder raises ends with its image
        return _failed(error)


def _refused(error: ItemError) -> dict[str, Any]:
    answered = {"code": error.code, "message": error.message}
    if isinstance(error, ImageTooManyPixels) and error.out_of_memory:
        return answered | {"out_of_memory": True}
    return answered


def _failed(error: Exception) -> dict[str, Any]:
    return {"code": InternalError.code, "cause": _cause(error)}


def _score(
    image: bytes, is_base64: bool, classifier: Classifier, config: WorkerConfig, wanted: Wanted = SCORES_ALONE
) -> dict[str, Any]:
    began = perf_counter()
    data = decode_base64(image) if is_base64 else image
    header = read_header(data, config.limits)
    pixels = decode(data, header, config.source.spec)
    decoded = perf_counter()
    if wanted.contrast:
        answered = _explain(pixels, wanted.contrast, wanted.explain, config.source)
    else:
        answered = _render_scores(classifier.score(pixels), config.source)
    scored = perf_counter()
    if wanted.thumbnail_side:
        answered["thumbnail"] = _show(data, wanted.thumbnail_side, config)
    return answered | {
        "format": header.format.value,
        "width": header.width,
        "height": header.height,
        "decode_s": decoded - began,
        "score_s": scored - decoded,
    }


def _render_scores(values: Scores, source: ModelSource) -> dict[str, Any]:
    """A classifier's values as they are sent back: scores, and the features that follow if there are any."""
    classes = len(source.labels)
    if (len(values) > classes) != source.embed or len(values) < classes:
        raise ValueError("one score per label")
    if not np.isfinite(values).all():
        raise ArithmeticError("a score is a number")
    answered: dict[str, Any] = {"scores": values[:classes].tolist()}
    if source.embed:
        answered["features"] = base64.b64encode(values[classes:].astype("<f4").tobytes()).decode()
    return answered


def _show(data: bytes, side: int, config: WorkerConfig) -> dict[str, Any]:
    pixels = load_thumbnail(data, side, config.limits).clip(0, 255).round().astype(np.uint8)
    height, width, _ = pixels.shape
    return {"width": width, "height": height, "pixels": base64.b64encode(pixels.tobytes()).decode()}


def _explain(pixels: Pixels, contrast: Contrast, explain: Explain, source: ModelSource) -> dict[str, Any]:
    explained = explain(pixels, contrast)
    if not np.isfinite(explained.heat_map).all():
        raise ArithmeticError("a place of a heat map is a number")
    overlay = base64.b64encode(draw_overlay(pixels, explained.heat_map)).decode()
    return _render_scores(explained.scores, source) | {
        "explanation": {"values": explained.heat_map.tolist(), "overlay": overlay}
    }


def _cause(error: Exception) -> str:
    """An exception's type and place; its text may hold bytes of the image."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


def prepare(config: WorkerConfig) -> Classifier:
    """Load the model, score one image the whole way, and then draw the limits around the process."""
    classifier = _load(config.source)
    try:
        _score(_WARM_UP_PNG, False, classifier, config)
    except Exception as error:
        first_line = str(error).partition("\n")[0]
        raise _Unusable(f"it does not score an image as its manifest says ({first_line})") from error
    with suppress(ItemError):  # not every specification's decoder reads SVG
        _score(_WARM_UP_SVG, False, classifier, config)
    _settle()
    _limit_resources(config.headroom_bytes)
    return classifier


def _settle() -> None:
    """Have what is here now stay: no later collection looks at it."""
    gc.collect()
    _trim_heap()
    gc.freeze()


def _trim_heap() -> None:
    """Return what is free, 13 MB once the model is compiled: malloc, as we set it, keeps it."""
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


class _Unusable(Exception):
    """The model cannot be used. For the operator, in our words: an engine's have many lines, and say less."""


def _load(source: ModelSource) -> Classifier:
    try:
        return load_classifier(source)
    except ImportError as error:
        raise _Unusable(f"the {source.runtime} runtime is not installed: {error.name} is missing") from error
    except (CpuUnsuitable, HeadNotFound) as error:
        raise _Unusable(str(error)) from error
    except OSError as error:
        raise _Unusable(f"it cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise _Unusable("there is not enough memory for it") from error
    except Exception as error:  # whatever an engine raises
        raise _Unusable(f"the {source.runtime} runtime cannot load it ({type(error).__name__})") from error


def _address_space_bytes() -> int:
    """All that is mapped in this process."""
    return int(_STATM.read_text().split()[0]) * resource.getpagesize()


def _resident_bytes(statm: int) -> int:
    """What of a process is in memory, by its `statm`, open: to open it for each image would cost 1 %."""
    return int(os.pread(statm, _STATM_MAX_BYTES, 0).split()[1]) * resource.getpagesize()


def _limit_resources(headroom_bytes: int) -> None:
    address_space = _address_space_bytes() + headroom_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (address_space, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the image
    with suppress(OSError):  # where memory is short for all, lose a worker and not the server
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ))


@contextmanager
def _limit_moved() -> Iterator[None]:
    """Within the block, memory is not limited; after it, the limit has moved by what the block has taken.

    For what is ours, and stays: an image has as much as before.
    """
    limit, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = _address_space_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        taken = max(0, _address_space_bytes() - before)
        resource.setrlimit(resource.RLIMIT_AS, (limit + taken, hard))


def _silence() -> None:
    """Drop what libraries write: libtiff a line per bad row of a file, TensorFlow its greetings."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())


class Engine:
    """What a worker scores by: a classifier, and what explains once it was asked for."""

    def __init__(self, classifier: Classifier, config: WorkerConfig) -> None:
        self._classifier = classifier
        self._config = config
        self._explain: Explain = _not_built

    def reply(self, document: dict[str, Any], image: bytes) -> dict[str, Any]:
        """What is sent back for one frame."""
        if "build" in document:
            return self._build_explainer()
        contrast = document.get("contrast")
        contrast = Contrast(*contrast) if contrast else None
        wanted = Wanted(self._explain, contrast, document.get("thumbnail_side", 0))
        return answer(image, document["is_base64"], self._classifier, self._config, wanted)

    def _build_explainer(self) -> dict[str, Any]:
        try:
            with _limit_moved():
                self._explain = self._classifier.build_explainer()
                warm_up = Wanted(self._explain, Contrast(0, 1))
                _score(_WARM_UP_PNG, False, self._classifier, self._config, warm_up)
                _settle()
        except Exception as error:  # whatever an engine raises; scores can be had all the same
            return _failed(error)
        return {"built": True}


def _next_frame(stream: BinaryIO, channel: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """The next frame; None at the end. The heap is trimmed once while there is none.

    The parent sends a frame when the one before is answered: none waits in the stream's buffer.
    """
    if not select.select([channel], [], [], IDLE_S)[0]:
        _trim_heap()
    return read_frame(stream)


def serve(stream: BinaryIO, channel: socket.socket) -> int:
    """Answer until the stream ends. Returns the exit status."""
    request = read_frame(stream)
    if request is None:
        return 0
    config = WorkerConfig.from_json(request[0])
    try:
        classifier = prepare(config)
    except Exception as error:  # whatever happens, the operator wants it in one line
        why = str(error) if isinstance(error, _Unusable) else f"the worker failed: {_cause(error)}"
        reason = " ".join(f"{Path(config.source.path).name}: {why}".split())
        channel.sendall(frame({"failed": reason[:MAX_REASON_CHARS]}))
        return 1
    channel.sendall(frame({"ready": True, "explains": classifier.explains}))
    engine = Engine(classifier, config)
    statm = os.open(_STATM, os.O_RDONLY)
    resident_bytes = _resident_bytes(statm)
    while request := _next_frame(stream, channel):
        document, image = request
        signal.setitimer(signal.ITIMER_REAL, document["timeout_s"] + ALARM_SLACK_S)
        channel.sendall(frame(engine.reply(document, image)))
        signal.setitimer(signal.ITIMER_REAL, 0)
        del request, document, image  # not while waiting for the next
        if _resident_bytes(statm) > resident_bytes + MAX_KEPT_BYTES:
            _trim_heap()
            resident_bytes = _resident_bytes(
                statm
            )  # what stays is in use: not trimmed anew after every image
    return 0


def main(fd: int) -> NoReturn:
    """Run on a socket's file descriptor, and end without the engines' teardown (TensorFlow's is noisy)."""
    die_with_parent()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _silence()
    os.nice(NICENESS)
    channel = socket.socket(fileno=fd)
    status = 0
    with suppress(OSError):  # the parent is gone
        status = serve(channel.makefile("rb"), channel)
    os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
