"""Trials: a search ends with as many as were asked for, however often it is killed on its way."""

import csv
import json
import signal
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from search.errors import SearchError
from search.pipeline import locked
from search.trials import open_study
from tests.harness.process import ROOT, until
from tests.search.searching import RECIPE, TRIALS, plan_in, run, storage_in, with_warm_up
from tests.search.trainer import ENDLESS, FAILING, STEPS

TIMEOUT_S = 120.0
KILLS = 3


def result_in(directory: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((directory / "result.json").read_text())
    return result


def study_in(directory: Path) -> optuna.Study:
    return optuna.load_study(study_name="made up", storage=storage_in(directory))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("searched")
    run(plan_in(directory))
    return directory


def test_the_recipe_itself_is_the_first_trial_and_the_best_is_written_with_its_comments(
    searched: Path,
) -> None:
    first, *others = study_in(searched).trials
    assert first.params == {"dropout": 0.1, "warm_up": 2}
    best = study_in(searched).best_trial
    assert abs(best.params["dropout"] - 0.3) < 0.2
    text = (searched / "best.toml").read_text()
    assert tomllib.loads(text) == {"name": "made up", **best.params}
    assert "# of features" in text
    assert text.startswith(f"# Trial {best.number} of {TRIALS} is the best on its fold: auc_pr 0.9")
    assert any(trial.state is TrialState.PRUNED for trial in others)


def test_every_trial_has_its_seeds_and_its_fold_and_no_checkpoint_is_left(searched: Path) -> None:
    for trial in study_in(searched).trials:
        assert trial.user_attrs["fit_seed"] == 4
        assert trial.user_attrs["sampler_seed"] == 4 + trial.number
        recipe = tomllib.loads((searched / "trials" / str(trial.number) / "wanted.toml").read_text())
        assert recipe["fold"] == {"number": 0, "of": 3}
    assert not list(searched.rglob("checkpoint-*"))


def test_both_recipes_are_compared_on_another_fold_with_the_same_seeds(searched: Path) -> None:
    result = result_in(searched)
    runs = sorted(searched.glob("comparison/*/*/wanted.toml"))
    recipes = [tomllib.loads(path.read_text()) for path in runs]
    assert [recipe["fold"]["number"] for recipe in recipes] == [1] * 6
    assert [recipe["fit_seed"] for recipe in recipes] == [4, 5, 6] * 2
    assert result["gain"]["low"] > 0
    assert "It gains." in (searched / "report.html").read_text()


def test_a_finished_search_goes_on_with_more_trials_and_runs_nothing_twice(searched: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in searched.rglob("history.csv")}
    run(plan_in(searched, trials=TRIALS + 1))
    assert len(result_in(searched)["trials"]) == TRIALS + 1
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_search_that_is_killed_again_and_again_ends_with_its_trials(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.search.searching", str(tmp_path)]

    def are_begun(count: int) -> bool:
        return len(list(tmp_path.glob("trials/*/history.csv"))) >= count

    for kill in range(KILLS):
        with subprocess.Popen(command, cwd=ROOT) as process:
            # Within a trial, so that it has to go on.
            until(partial(are_begun, 3 * (kill + 1)), TIMEOUT_S)
            process.send_signal(signal.SIGKILL)
    subprocess.run(command, cwd=ROOT, timeout=TIMEOUT_S, check=True)
    trials = study_in(tmp_path).trials
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({tuple(trial.params.values()) for trial in trials}) == TRIALS
    for trial in trials:
        with (tmp_path / "trials" / str(trial.number) / "history.csv").open(newline="") as file:
            steps = [int(row["step"]) for row in csv.DictReader(file)]
        assert steps == list(range(len(steps)))  # none twice, none never
        assert len(steps) == STEPS or trial.state is TrialState.PRUNED


def test_a_killed_search_suggests_what_one_that_was_not_killed_does(searched: Path, tmp_path: Path) -> None:
    run(plan_in(tmp_path, trials=5, seeds=0))
    run(plan_in(tmp_path, trials=8, seeds=0))
    for ours, theirs in zip(study_in(tmp_path).trials, study_in(searched).trials, strict=False):
        assert ours.params == theirs.params


def test_a_trial_that_fails_or_takes_too_long_counts_and_ends_nothing(tmp_path: Path) -> None:
    space = with_warm_up(2, FAILING, ENDLESS)
    run(plan_in(tmp_path, space=space, trials=10, seeds=0, timeout_s=2.0, at_once=2))
    trials = study_in(tmp_path).trials
    assert len(trials) == 10
    failures = {trial.params["warm_up"]: trial.user_attrs.get("failure") for trial in trials}
    assert failures == {2: None, FAILING: "failed", ENDLESS: "out of time"}


def test_a_recipe_that_cannot_be_trained_ends_the_search_and_names_the_log(tmp_path: Path) -> None:
    recipe = RECIPE.replace("warm_up = 2", f"warm_up = {FAILING}")
    plan = plan_in(tmp_path, recipe=recipe, space=with_warm_up(FAILING, 2))
    for _ in range(2):  # it is begun again
        with pytest.raises(SearchError, match=r"the recipe itself is failed: see .*/trials/0/log\.txt"):
            run(plan)


def test_a_search_goes_on_with_nothing_else_than_it_began_with(searched: Path) -> None:
    for change, name in (
        ({"recipe": RECIPE + "ema = 0.9\n"}, "recipe"),
        ({"space": with_warm_up(2, 3)}, "space"),
        ({"folds": 4}, "folds"),
        ({"measure": "auc_roc"}, "measure"),
        ({"seed": 5}, "seed"),
    ):
        with pytest.raises(SearchError, match=f"has begun with another {name}: choose another --to"):
            open_study(plan_in(searched, **change), storage_in(searched), "made up")


def test_two_searches_do_not_share_a_directory(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(SearchError, match=r"another logo-search is at work"),
        locked(tmp_path),
    ):
        pass
