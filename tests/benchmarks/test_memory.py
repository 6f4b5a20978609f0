import subprocess
import sys

from benchmarks.memory import tree_memory

HOLDER = "held = bytearray(b'x') * 50_000_000; print(flush=True); input()"


def test_the_memory_of_a_tree_is_that_of_all_its_processes() -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDER!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first, second = tree_memory(process.pid)
        process.communicate(b"\n")
    assert first.private < 50_000_000 < second.private <= second.pss <= second.resident
