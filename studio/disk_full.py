"""A full disk: what fails of it, of files as of the database, and what people are told then."""

import errno
import sqlite3
import sys
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.defaults import server_error

DISK_FULL = "The studio's disk is full: tell whoever runs it."
STATUS = 507  # Insufficient Storage
_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQLSTATE = "53100"  # PostgreSQL's


def is_disk_full(error: BaseException) -> bool:
    """Whether an error is that of a full disk, or comes of one."""
    return any(
        (isinstance(each, OSError) and each.errno in _ERRNOS)
        or getattr(each, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(each, "sqlstate", None) == _SQLSTATE
        for each in _causes(error)
    )


def answer_failure(request: HttpRequest) -> HttpResponse:
    """The page that a request gets which has failed; Django calls it while the error is handled."""
    error = sys.exception()
    if error is not None and is_disk_full(error):
        return render(request, "507.html", {"told": DISK_FULL}, status=STATUS)
    return server_error(request)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, that of which it came, and so on."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__
