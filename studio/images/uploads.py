"""Uploads: files as a browser sent them, in a folder of their import until that is done.

    uploads/TOKEN/names.json     what they are called
    uploads/TOKEN/0, 1, 2 …      their bytes: a name of somebody else's choice is never one of a file here

An import knows the token alone, so that no row of the database names a folder that is removed.
"""

import json
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile

from studio.images.candidates import Candidate, Candidates, ImportRefused, opened

NAMES = "names.json"
ARCHIVE = "0"
"""The file of an upload that has one alone."""
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of all uploads; it must exist."""

    root: Path

    def keep(self, files: Sequence[TemporaryUploadedFile]) -> str:
        """Move uploaded files into a folder of their own. Returns its token."""
        token = secrets.token_hex(16)
        folder = self.folder(token)
        folder.mkdir()
        for number, file in enumerate(files):
            shutil.move(file.temporary_file_path(), folder / str(number))
        names = [Path(file.name or "").name or "unnamed" for file in files]
        (folder / NAMES).write_text(json.dumps(names))
        return token

    def keep_content(self, name: str, content: bytes) -> str:
        """Write a file that came in one piece into a folder of its own. Returns its token."""
        token = secrets.token_hex(16)
        folder = self.folder(token)
        folder.mkdir()
        (folder / ARCHIVE).write_bytes(content)
        (folder / NAMES).write_text(json.dumps([name]))
        return token

    def folder(self, token: str) -> Path:
        """Where the files of a token lie.

        Raises:
            ImportRefused: It is no token.
        """
        if not _TOKEN.fullmatch(token):
            raise ImportRefused("the uploaded files are not there")
        return self.root / token

    def listed(self, token: str) -> Candidates:
        """The files of a token.

        Raises:
            ImportRefused: They are not there.
        """
        folder = self.folder(token)
        try:
            names = json.loads((folder / NAMES).read_text())
        except FileNotFoundError as error:
            raise ImportRefused("the uploaded files are not there") from error
        files = (Candidate(name, partial(opened, folder / str(place))) for place, name in enumerate(names))
        return Candidates(tuple(files))

    def drop(self, token: str) -> None:
        """Remove the files of a token; what is no token names nothing that could be removed."""
        if _TOKEN.fullmatch(token):
            shutil.rmtree(self.folder(token), ignore_errors=True)
