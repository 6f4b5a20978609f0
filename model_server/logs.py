"""Logs: one line per record, as text or JSON, on stderr; no query strings, no bytes, no credentials.

What a caller chose reaches a line only escaped and bounded. The text of an exception may quote what a
caller sent, so it stays out: its type and the places that it passed tell where to look.
"""

import json
import logging
import logging.config
import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextFormatter(logging.Formatter):
    """`time level logger message key=value …`; the places of an exception follow, one a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the base class's name
        fields = _fields(record)
        tail = "".join(f" {key}={_plain(value)}" for key, value in fields.items())
        return escape(super().formatMessage(record) + tail)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802
        return trace(ei[1])


class JSONFormatter(logging.Formatter):
    """One JSON object a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            document["exception"] = trace(record.exc_info[1])
        return _encode(document)


def escape(text: str) -> str:
    r"""The text with what is not printable as Python would write it: `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def trace(error: BaseException | None) -> str:
    """Types and places of an exception and of what caused it, the last cause first; none of their texts."""
    return "\n".join(line for link in reversed([*_chain(error)]) for line in _describe(link))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _describe(error: BaseException) -> Iterator[str]:
    yield f"{type(error).__name__}{_system_reason(error)}"
    for place in traceback.extract_tb(error.__traceback__):
        yield f"  at {place.filename}:{place.lineno} {place.name}"


def _system_reason(error: BaseException) -> str:
    """What the system says of an error of its own, which is no caller's text: `: Too many open files`."""
    if isinstance(error, OSError) and type(error).__module__ == "builtins" and error.errno is not None:
        return f": {os.strerror(error.errno)}"
    return ""


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}:{_plain(part)}" for key, part in value.items()) or "-"
    if isinstance(value, list):
        return "+".join(map(str, value))
    return str(value)


def configure_logging(log_format: Literal["text", "json"]) -> None:
    """Send everything through one handler. KServe leaves logging alone that has handlers already."""
    formatter = {"text": TextFormatter, "json": JSONFormatter}[log_format]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "INFO", "handlers": ["stderr"]},
            "loggers": {
                "kserve": {"level": "WARNING"},
                "kserve.trace": {"level": "WARNING"},  # three lines a request, without this
                "uvicorn": {"level": "WARNING"},
                # It warns of bytes that are not HTTP; so does the connection.
                "uvicorn.error": {"level": "ERROR"},
                # It would show query strings; the middleware logs instead. Without handlers it builds no
                # line.
                "uvicorn.access": {"handlers": [], "propagate": False},
                "httpx": {"level": "WARNING"},
                # It quotes what callers send; what goes wrong in our methods they log themselves.
                "grpc": {"level": "CRITICAL"},
            },
        }
    )
