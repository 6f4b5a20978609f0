"""A real PostgreSQL server on a free port."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.process import free_port
from tests.harness.tools import required

UNPRIVILEGED = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
"""PostgreSQL refuses to run as root."""


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    folder, port = Path(tempfile.mkdtemp(prefix="postgresql-")), free_port()
    user = UNPRIVILEGED if os.geteuid() == 0 else ()
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*user, str(required("pg_ctl")), "-D", str(folder / "data"), "-w", "-t", "60"]
    initialise = [*user, str(required("initdb")), "-D", str(folder / "data"), "-A", "trust", "-U", "studio"]
    try:
        subprocess.run(initialise, cwd="/", check=True, capture_output=True, timeout=120)
        start = [*control, "-o", options, "-l", str(folder / "log"), "start"]
        subprocess.run(start, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=120)
        yield f"postgres://studio@127.0.0.1:{port}/postgres"
        subprocess.run(
            [*control, "-m", "fast", "stop"], cwd="/", check=True, capture_output=True, timeout=120
        )
    finally:
        shutil.rmtree(folder)
