"""Logs: one line per request, as text or JSON, on stderr; no query strings, no bytes, no credentials."""

import logging
import logging.config
from datetime import UTC, datetime
from typing import Any, Literal

import orjson


class TextFormatter(logging.Formatter):
    """`time level logger message key=value …`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the base class's name
        fields = _fields(record)
        tail = "".join(f" {key}={_plain(value)}" for key, value in fields.items())
        return super().formatMessage(record) + tail


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(document, default=str).decode()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}:{count}" for key, count in value.items()) or "-"
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
                "uvicorn.access": {"level": "WARNING"},  # would show query strings; the edge logs instead
                "httpx": {"level": "WARNING"},
            },
        }
    )
