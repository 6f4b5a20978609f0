import subprocess
import sys

from tests.harness.footprint import command_line, footprint, process_ids, tree_footprint, zombies
from tests.harness.process import until

HOLDER = "held = bytearray(b'x') * 50_000_000; print(flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDER!r}])"


def test_the_footprint_of_a_tree_is_that_of_all_its_processes() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        parent, child = process_ids(process.pid)
        first, second, both = footprint(parent), footprint(child), tree_footprint(parent)
        process.communicate(b"\n")
    assert first.private < 50_000_000 < second.private <= second.pss <= second.rss
    assert first.anonymous < 50_000_000 < second.anonymous
    assert both.processes == 2
    assert both.anonymous > first.anonymous + 50_000_000
    assert min(first.threads, first.descriptors) > 0


def test_what_ended_is_a_zombie_until_it_is_asked_for_and_holds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        until(lambda: zombies(process.pid))
        assert footprint(process.pid).rss == 0
    assert zombies(process.pid) == []
    assert command_line(process.pid) == []
    assert process_ids(process.pid) == [process.pid]
