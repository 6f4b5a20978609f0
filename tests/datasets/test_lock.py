import os
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.lock import lock


def test_a_second_process_does_not_get_a_locked_file(tmp_path: Path) -> None:
    with lock(tmp_path / "lock"), pytest.raises(BlockingIOError):
        lock(tmp_path / "lock")

    lock(tmp_path / "lock").close()


def test_a_lock_outlives_its_process_while_a_child_has_the_file(tmp_path: Path) -> None:
    file = lock(tmp_path / "lock")
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(file.fileno(),)
    )
    file.close()
    with pytest.raises(BlockingIOError):
        lock(tmp_path / "lock", timeout_s=0.3)

    child.communicate(os.linesep.encode(), timeout=30)
    lock(tmp_path / "lock", timeout_s=5).close()
