"""Tools that Debian has and Python's index has not; tests/install-tools.sh installs them."""

import os
import shutil
from pathlib import Path

import pytest

INSTALLER = "tests/install-tools.sh"
# Debian keeps servers and PostgreSQL's commands off a user's PATH.
PLACES = ("/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))


def required(tool: str) -> Path:
    """Where a tool is. Without it the test fails, and says what installs it."""
    found = shutil.which(tool, path=os.pathsep.join(["/usr/bin", os.environ["PATH"], *PLACES]))
    if found is None:
        pytest.fail(f"{tool} is missing: `{INSTALLER} {tool}` installs it")
    return Path(found)
