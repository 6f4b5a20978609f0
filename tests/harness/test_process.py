from pathlib import Path

import pytest

from tests.harness.process import HarnessError, Subprocess, until
from tests.harness.server import running_server


def test_a_subprocess_that_ends_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="ended"), Subprocess("benchmarks.engine", tmp_path):
        pass


def test_a_server_that_ends_is_an_error_with_what_it_wrote(tmp_path: Path) -> None:
    with (
        pytest.raises(HarnessError, match=r"the server ended with 2: model_server: no such .*nowhere"),
        running_server(tmp_path / "stderr", MODEL_PATH=tmp_path / "nowhere"),
    ):
        pass


def test_a_wait_ends() -> None:
    assert until(lambda: True) < 1
    with pytest.raises(AssertionError, match=r"not within 0\.1 s"):
        until(lambda: False, timeout_s=0.1)
