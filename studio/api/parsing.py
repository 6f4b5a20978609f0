"""Parsing: JSON as the API reads it."""

from collections.abc import Mapping
from typing import Any, BinaryIO

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """Refuses what no database takes or no stack bears: half characters, `NaN`, a thousand brackets.

    How long a body may be is checked before, by `studio.api.base`.
    """

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """What the body says.

        Raises:
            ParseError: It is no JSON.
        """
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is no JSON: {error.msg}") from error
