"""A cluster of a master and two workers, each a process of its own, and the environment shipped to them."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark
import pytest

from batch.environment import _files, pack, required
from batch.errors import BatchError
from batch.java import java_environment
from tests.batch.jobs import errors, many_files, read_rows, run
from tests.harness.process import clean_environment, free_port

TIMEOUT_S = 240
HERE = "127.0.0.1"
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"


@contextmanager
def daemon(kind: str, log: Path, *arguments: object) -> Iterator[None]:
    """One of Spark's own processes, until the block ends."""
    small = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    variables = {"SPARK_LOCAL_IP": HERE, "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": small}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [SPARK_CLASS, f"org.apache.spark.deploy.{kind}", "--host", HERE, *map(str, arguments)],
            env=clean_environment({**java_environment(), **variables}),
            cwd=log.parent,
            stdout=out,
            stderr=out,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def wait_until_open(port: int) -> None:
    give_up = time.monotonic() + TIMEOUT_S
    while time.monotonic() < give_up:
        with socket.socket() as probe:
            if probe.connect_ex((HERE, port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


@contextmanager
def cluster(directory: Path) -> Iterator[str]:
    """A master and two workers of one core each. Gives the master's URL."""
    port = free_port()
    with ExitStack() as stack:
        master = ("master.Master", directory / "master.log", "--port", port, "--webui-port", free_port())
        stack.enter_context(daemon(*master))
        wait_until_open(port)
        for name in ("one", "two"):
            limits = ("--cores", 1, "--memory", "512m", "--work-dir", directory / name)
            worker = ("worker.Worker", directory / f"{name}.log", *limits, "--webui-port", free_port())
            stack.enter_context(daemon(*worker, f"spark://{HERE}:{port}"))
        yield f"spark://{HERE}:{port}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment, packed."""
    path = tmp_path_factory.mktemp("packed") / "environment.tar.gz"
    pack(path)
    return path


@pytest.mark.soak
def test_a_cluster_scores_in_the_environment_that_is_shipped_to_it(
    artifact: Path, archive: Path, tmp_path: Path
) -> None:
    folder, output = many_files(tmp_path / "in", 40), tmp_path / "out"
    conf = {
        "spark.driver.host": HERE,
        "spark.driver.bindAddress": HERE,
        "spark.executor.memory": "512m",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    }
    options = [part for key, setting in conf.items() for part in ("--conf", f"{key}={setting}")]
    with cluster(tmp_path) as master:
        job = ("--engine", "spark", "--master", master, "--archive", archive, "--rows-per-file", 4)
        assert run(artifact, output, folder, *job, *options) == 0
    assert list(errors(read_rows(output)).values()) == [None] * 40
    for name in ("one", "two"):
        (python,) = (tmp_path / name).glob("app-*/*/environment/bin/python")
        assert python.readlink() == Path(sys.executable).resolve()


def test_the_environment_holds_what_scoring_needs_and_no_server() -> None:
    names = required("logo-detection").keys()
    assert names >= {"openvino", "pillow", "pyvips", "pyvips-binary", "numpy", "aiohttp", "pydantic"}
    assert not names & {"kserve", "fastapi", "kubernetes", "tensorflow-cpu", "pyspark"}
    assert "tensorflow-cpu" in required("logo-detection", frozenset({"keras"}))


def test_the_environment_of_a_training_holds_what_trains() -> None:
    names = required("logo-detection", frozenset({"train"})).keys()
    assert names >= {"tensorflow-cpu", "keras", "tf2onnx", "matplotlib", "rdkit"}
    found = {name.partition("/")[0] for name, _ in _files(keras=False, train=True)}
    assert found >= {"training", "datasets", "synthetic", "evaluation", "release", "search", "tensorflow"}
    assert "heads" not in found


def test_the_environment_holds_the_library_that_renders_svg() -> None:
    """It lies beside the package and not in it, so that an archive of packages alone would lack it."""
    files = required("logo-detection")["pyvips-binary"].files or []
    assert any(path.parts[0] == "pyvips_binary.libs" and path.name.startswith("libvips") for path in files)


@pytest.mark.slow
def test_the_packed_environment_runs_where_it_is_unpacked(archive: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(archive, tmp_path / "elsewhere")
    script = (
        "import pyarrow, sys; from batch import batch_scorer;"
        " print(batch_scorer.__file__, pyarrow.__file__, sys.executable)"
    )
    python = tmp_path / "elsewhere" / "bin" / "python"
    done = subprocess.run(
        [python, "-c", script],
        cwd="/",
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.stdout.count(str(tmp_path / "elsewhere")) == 3, done.stderr


def test_an_archive_that_spark_would_unpack_without_permissions_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"an archive is a \.tar\.gz, and not environment\.zip"):
        pack(tmp_path / "environment.zip")
