"""The display name of a path: text for people and tables, where a path itself is bytes."""

import re

_ESCAPE = re.compile(r"\\x[0-9a-f]{2}")


def display_name(path: bytes) -> str:
    r"""A path as text; different paths have different names.

    A path in UTF-8 is its own name. In any other, each byte that is not UTF-8 is written as `\xNN`, and each
    backslash as two. The same is done to a path in UTF-8 that holds such an escape already, so that it is not
    taken for another's name.
    """
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return _escaped(path)
    return _escaped(path) if _ESCAPE.search(text) else text


def _escaped(path: bytes) -> str:
    return path.replace(b"\\", b"\\\\").decode(errors="backslashreplace")
