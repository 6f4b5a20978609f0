"""logo-search, as it is used: real trainings of a tiny network, killed on the way."""

import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from search.__main__ import main
from tests.harness.process import ROOT, until
from tests.training.conftest import images  # noqa: F401  a fixture
from tests.training.recipes import write_recipe
from tests.training.test_launch import STAGES, TEN
from training.recipe import read_recipe

TIMEOUT_S = 400.0
TRIALS = 3
SPACE = """
[floats]
weight_decay = { low = 1e-3, high = 0.1, log = true }
[factors]
"stages.*.rate" = { low = 0.1, high = 10.0, log = true }
"""
ANY_SOURCE = ('sources = { "other/logos" = 1.0, "other/photos" = 1.0 }', "share = 0.3\nsources = {}")


@pytest.mark.soak
def test_a_search_that_is_killed_half_way_ends_as_one_that_was_not(
    images: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    recipe = write_recipe(tmp_path, (STAGES, TEN), ANY_SOURCE)
    (tmp_path / "tiny.search.toml").write_text(SPACE)
    to = tmp_path / "search"
    options = ["--data", images, "--recipe", recipe, "--to", to, "--trials", TRIALS, "--seeds", 0]
    command = [sys.executable, "-m", "search", *map(str, options), "--folds", "3", "--workers", "1"]
    with subprocess.Popen(command, cwd=ROOT) as process:
        until((to / "trials" / "1" / "history.csv").exists, TIMEOUT_S)  # one of its eleven parts
        process.send_signal(signal.SIGKILL)
    killed = (to / "trials" / "0" / "history.csv").stat().st_mtime_ns
    subprocess.run(command, cwd=ROOT, timeout=TIMEOUT_S, check=True)
    assert (to / "trials" / "0" / "history.csv").stat().st_mtime_ns == killed  # it was not run again
    result = json.loads((to / "result.json").read_text())
    assert [trial["state"] for trial in result["trials"]] == ["complete"] * TRIALS
    assert [len(trial["reported"]) for trial in result["trials"]] == [11] * TRIALS
    assert read_recipe(to / "best.toml").hold_out == read_recipe(recipe).hold_out
    assert "fold" not in tomllib.loads((to / "best.toml").read_text())
    assert (to / "report.html").exists()
    assert not list(to.rglob("checkpoint-*"))
    assert not list(to.rglob("artifact"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--folds", "2"], "--folds: 2 is not 3 or more"),
        (["--seeds", "1"], "--seeds: 1 is neither 0 nor 2 or more"),
        (["--seed", "-1"], "--seed: -1 is not 0 or more"),
        (["--trials", "0"], "'0' is not a whole number from 1 on"),
        (["--measure", "loss"], "invalid choice: 'loss'"),
    ],
)
def test_a_wrong_option_is_one_line(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--data", "data", "--recipe", "recipe.toml", *options])
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_recipe_without_a_space_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path)
    assert main(["--data", str(tmp_path), "--recipe", str(recipe), "--to", str(tmp_path / "to")]) == 2
    space = tmp_path / "tiny.search.toml"
    assert capsys.readouterr().err == f"logo-search: cannot read {space}: No such file or directory\n"
    assert not (tmp_path / "to").exists()
