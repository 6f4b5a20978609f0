"""The domain's errors: what can go wrong with an artifact, with one file, or with the pool.

    LogoDetectionError
    ├── ArtifactError            the model is not what its manifest says       (start-up)
    │   └── CpuUnsuitable        it is, and has other scores on this CPU       (start-up)
    ├── WorkerStartError         a scoring process did not come up             (start-up)
    └── ItemError                one file has no score; its code says why
        ├── UrlNotAllowed        url_not_allowed                               (fetch)
        ├── FetchFailed          fetch_failed                                  (fetch)
        ├── FetchTimeout         fetch_timeout                                 (fetch)
        ├── FetchTooLarge        fetch_too_large                               (fetch)
        ├── ImageTooLarge        image_too_large                               (inline)
        ├── ImageTooManyPixels   image_too_many_pixels                         (header gate)
        ├── ImageUnsupported     image_unsupported                             (header gate)
        ├── ImageCorrupt         image_corrupt                                 (base64, gate, decode)
        ├── ImageTimeout         image_timeout                                 (worker)
        ├── DeadlineExceeded     deadline_exceeded                             (anywhere)
        ├── InternalError        internal                                      (our fault)
        └── LocalError           of commands alone, never of the server
            ├── NoSuchFile       no_such_file                                  (reading)
            └── NoContent        no_content                                    (a row of a table)

The message of an ItemError is shown to the caller: it names no path, host, address or
exception. HTTP knows nothing of these classes; `model_server` maps them.
"""

from typing import ClassVar


class LogoDetectionError(Exception):
    """Anything this package raises on purpose."""


class ArtifactError(LogoDetectionError):
    """The artifact is missing, incomplete, or not what its manifest says. One line, for the operator."""


class CpuUnsuitable(ArtifactError):
    """This CPU has none of the instruction sets for which the scores of a model hold. One line, likewise."""


class WorkerStartError(LogoDetectionError):
    """A scoring process ended, or stayed silent, before it was ready. One line, for the operator."""


class ItemError(LogoDetectionError):
    """One file has no score. `code` is from the closed list in docs/api.md, but for a LocalError's."""

    code: ClassVar[str]
    default_message: ClassVar[str]

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.default_message)

    @property
    def message(self) -> str:
        """What the caller is told."""
        return str(self.args[0])


class UrlNotAllowed(ItemError):
    """The scheme, host, port, path or address is not permitted; which of them is not said."""

    code = "url_not_allowed"
    default_message = "this url is not allowed"


class FetchFailed(ItemError):
    """The origin answered other than 200, or broke off.

    For importers, which try again as the origin asks: the HTTP status, if there
    was one, and the header `Retry-After` as it came.
    """

    code = "fetch_failed"
    default_message = "the file could not be fetched"

    def __init__(
        self, message: str | None = None, *, status: int | None = None, retry_after: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class FetchTimeout(ItemError):
    """The file was not whole within the fetch timeout."""

    code = "fetch_timeout"
    default_message = "the file did not arrive in time"


class FetchTooLarge(ItemError):
    """The origin sent more bytes than a file may have."""

    code = "fetch_too_large"
    default_message = "the file is larger than this service fetches"


class ImageTooLarge(ItemError):
    """An inline image has more bytes than one may have."""

    code = "image_too_large"
    default_message = "the image is larger than an inline image may be"


class ImageTooManyPixels(ItemError):
    """More pixels than are decoded, or than the format's memory budget allows.

    `out_of_memory` says that the image was admitted, and the process that decoded it had too little memory.
    """

    code = "image_too_many_pixels"
    default_message = "the image has too many pixels"

    def __init__(self, message: str | None = None, *, out_of_memory: bool = False) -> None:
        super().__init__(message)
        self.out_of_memory = out_of_memory


class ImageUnsupported(ItemError):
    """Not one of the formats that are read, or a kind of one that is not."""

    code = "image_unsupported"
    default_message = "the file is not a JPEG, PNG, GIF, WebP, BMP, TIFF or SVG image"


class ImageCorrupt(ItemError):
    """One of the formats, but not decodable; or not base64."""

    code = "image_corrupt"
    default_message = "the image cannot be decoded"


class ImageTimeout(ItemError):
    """Decoding and scoring took too long, or the worker died on it."""

    code = "image_timeout"
    default_message = "the image could not be decoded within the limits"


class DeadlineExceeded(ItemError):
    """The request's time ran out before this file was scored."""

    code = "deadline_exceeded"
    default_message = "the request's time ran out before this file was scored"


class InternalError(ItemError):
    """Our fault; the log knows more."""

    code = "internal"
    default_message = "an error of this service; the file may be fine"


class LocalError(ItemError):
    """Of what commands read on their own machine. Its codes are in docs/batch.md."""


class NoSuchFile(LocalError):
    """There is nothing at a path."""

    code = "no_such_file"
    default_message = "no such file"


class NoContent(LocalError):
    """A row of a table has null in the place of an image's bytes, or of its URL."""

    code = "no_content"
    default_message = "the row has no bytes and no url"


def _leaves(cls: type[ItemError]) -> list[type[ItemError]]:
    return [leaf for child in cls.__subclasses__() for leaf in (_leaves(child) or [child])]


def item_codes() -> tuple[str, ...]:
    """The closed list of codes, as docs/api.md has it."""
    return tuple(leaf.code for leaf in _leaves(ItemError) if not issubclass(leaf, LocalError))


def local_codes() -> tuple[str, ...]:
    """The codes that commands add to those, as docs/batch.md has them."""
    return tuple(leaf.code for leaf in _leaves(LocalError))


def item_error(code: str, message: str | None = None) -> ItemError:
    """The error of a code, as it comes back from another process; an unknown code is `internal`."""
    by_code = {leaf.code: leaf for leaf in _leaves(ItemError)}
    return by_code.get(code, InternalError)(message)
