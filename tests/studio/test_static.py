"""What browsers load: all of it is here, and none of it from elsewhere."""

import hashlib
import re

import pytest

from tests.harness.process import ROOT

pytestmark = pytest.mark.slow

STATIC, TEMPLATES = ROOT / "studio" / "static", ROOT / "studio" / "templates"
VENDORED = dict(
    re.findall(r"^\| `(\S+)` .*`([0-9a-f]{64})` \|$", (STATIC / "vendor" / "README.md").read_text(), re.M)
)


def test_every_vendored_script_is_the_one_that_is_noted() -> None:
    scripts = {path.name: path for path in (STATIC / "vendor").glob("*.js")}
    assert scripts.keys() == VENDORED.keys()
    for name, path in scripts.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == VENDORED[name], name


def test_pages_have_neither_scripts_nor_styles_of_their_own_and_name_no_other_host() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)|https?://|//[a-z]", text), (
            path
        )
        assert "|safe" not in text, path


def test_every_form_that_changes_something_has_the_token() -> None:
    for path in TEMPLATES.rglob("*.html"):
        for form in re.findall(r'<form method="post".*?</form>', path.read_text(), re.S):
            assert "{% csrf_token %}" in form, path
