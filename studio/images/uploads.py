"""Uploads: files as a browser sent them, in a folder of their import until that is done.

uploads/IMPORT/names.json     what they are called
uploads/IMPORT/0, 1, 2 …      their bytes: a name of somebody else's choice is never one of a file here
"""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile

from studio.images.candidates import Candidate, Candidates, opened

NAMES = "names.json"


def keep_uploads(folder: Path, files: Sequence[TemporaryUploadedFile]) -> None:
    """Move uploaded files into a folder, which is made."""
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        shutil.move(file.temporary_file_path(), folder / str(number))
    names = [Path(file.name or "").name or "unnamed" for file in files]
    (folder / NAMES).write_text(json.dumps(names))


def list_uploads(folder: Path) -> Candidates:
    """The files in such a folder."""
    names = json.loads((folder / NAMES).read_text())
    files = (Candidate(name, partial(opened, folder / str(number))) for number, name in enumerate(names))
    return Candidates(tuple(files))
