"""The table of OWASP's top ten names tests that there are."""

import re

import pytest

from tests.harness.process import ROOT

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs" / "studio-api.md"
NAMED = re.compile(r"`(\S+\.py)::(test_\w+)`")


def test_every_test_that_the_table_of_security_names_is_there() -> None:
    rows = [row for row in DOCS.read_text().splitlines() if re.match(r"\| A\d\d ", row)]
    assert len(rows) == 10
    for row in rows:
        named = NAMED.findall(row)
        assert named, row
        for file, test in named:
            text = (ROOT / "tests" / "studio" / file).read_text()
            assert f"\ndef {test}(" in text, f"{file}::{test}"


def test_screenshots_are_small_and_all_of_them_are_shown() -> None:
    shots = {path.name: path for path in (ROOT / "docs" / "studio").iterdir()}
    shown = re.findall(r"!\[[^\]]+\]\(studio/([a-z]+\.png)\)", (ROOT / "docs" / "studio.md").read_text())
    assert sorted(shown) == sorted(shots)
    assert all(path.stat().st_size < 150_000 for path in shots.values())
