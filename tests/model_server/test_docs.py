"""What the documents list is what the code has."""

import re
from pathlib import Path

import httpx

from logo_detection import errors
from logo_detection.errors import ItemError
from tests.running import RunningServer

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, title: str) -> str:
    return (DOCS / page).read_text().split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_error_code_is_documented() -> None:
    documented = re.findall(r"^\| `([a-z_]+)` \|", section("api.md", "Error codes of a file"), re.MULTILINE)
    codes = [
        error.code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, ItemError) and error is not ItemError
    ]
    assert sorted(documented) == sorted(codes)
    assert len(documented) == 11


def test_every_metric_is_documented(server: RunningServer) -> None:
    documented = re.findall(r"^\| `(logo_[a-z_]+)` \|", section("operations.md", "Metrics"), re.MULTILINE)
    exposed = re.findall(r"^# TYPE (logo_[a-z_]+) ", httpx.get(f"{server.url}/metrics").text, re.MULTILINE)
    assert sorted(documented) == sorted(name for name in exposed if not name.endswith("_created"))
