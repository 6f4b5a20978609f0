import subprocess

import pytest

from tests.harness.process import ROOT
from tests.harness.tools import INSTALLER, required


def test_a_tool_that_is_there_is_found() -> None:
    assert required("env").is_file()


def test_a_test_that_misses_a_tool_fails_and_names_the_installer() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"spinning-wheel is missing: `tests/install-tools\.sh"):
        required("spinning-wheel")


def test_the_installer_refuses_a_tool_that_it_does_not_know() -> None:
    done = subprocess.run([ROOT / INSTALLER, "spinning-wheel"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith("install-tools: spinning-wheel is not one of: ")
