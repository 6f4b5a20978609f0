import json
import logging

from model_server.logs import JSONFormatter, TextFormatter


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("model_server.requests", logging.INFO, "", 0, "%s done", ("POST",), None)
    made.__dict__.update(extra)
    return made


def test_text_puts_fields_behind_the_message() -> None:
    line = TextFormatter().format(
        record(fields={"status": 200, "items": {"scored": 2, "internal": 1}, "none": {}})
    )
    assert line.endswith("INFO model_server.requests POST done status=200 items=scored:2,internal:1 none=-")


def test_json_is_one_object_with_the_fields() -> None:
    line = JSONFormatter().format(record(fields={"status": 200, "text": "a\nb"}))
    assert "\n" not in line
    document = json.loads(line)
    assert document["message"] == "POST done"
    assert (document["status"], document["text"]) == (200, "a\nb")


def test_json_keeps_an_exception_in_its_line() -> None:
    try:
        raise ValueError("wrong")
    except ValueError as error:
        line = JSONFormatter().format(record(exc_info=(ValueError, error, error.__traceback__)))
    assert "ValueError: wrong" in json.loads(line)["exception"]
