import subprocess
import sys

MIB = 2**20

# A large block is freed once, which is what glibc learns from; then a burst of them, with small ones between
# that stay.
CODE = """
import os
import sys
from model_server.malloc import return_freed_memory
from tests.harness.footprint import footprint

if "early" in sys.argv:
    return_freed_memory()
b"x" * (8 * 2**20)
before = footprint(os.getpid()).anonymous
burst = [(b"x" * (4 * 2**20 + number), b"x" * (100_000 + number)) for number in range(16)]
kept = [small for _, small in burst]
del burst
print(footprint(os.getpid()).anonymous - before)
"""


def kept_bytes(*arguments: str) -> float:
    command = [sys.executable, "-c", CODE, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return float(ran.stdout)


def test_a_burst_of_large_bodies_leaves_no_memory_behind() -> None:
    assert kept_bytes("early") < 4 * MIB
    assert kept_bytes() > 30 * MIB, "glibc would return it by itself, and the module has no reason to be"
