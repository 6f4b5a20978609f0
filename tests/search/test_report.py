"""Reports: what was found, plainly said, on a page that needs nothing from elsewhere."""

import re
from pathlib import Path

import optuna

from search.comparison import Gain
from search.report import result_of, summary_of, write_report
from tests.search.searching import SPACE, plan_in


def study_of(*values: float) -> optuna.Study:
    """A study of so many trials."""
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial(SPACE.defaults())
    for value in values:
        trial = study.ask()
        SPACE.suggest(trial)
        trial.set_user_attr("fit_seed", 4)
        trial.set_user_attr("sampler_seed", trial.number)
        trial.report(value - 0.1, 0)
        study.tell(trial, value)
    return study


def summary(study: optuna.Study, gain: Gain | None) -> str:
    return " ".join(summary_of(result_of(plan_in(Path("/")), study, study.best_trial, gain)))


def test_a_search_that_finds_nothing_says_so() -> None:
    assert summary(study_of(0.9, 0.8, 0.7), None) == (
        "Trial 0 of 3 is the best on its fold: auc_pr 0.9000."
        " It is the recipe itself: the search found none that is better."
    )


def test_a_gain_within_the_noise_is_none() -> None:
    study = study_of(0.8, 0.9)
    none = Gain((0.8, 0.9), (0.9, 0.8), 0.0, -0.9, 0.9)
    assert summary(study, none).endswith("No gain is shown: the interval has 0 in it, or is below.")
    some = Gain((0.8, 0.8), (0.9, 0.9), 0.1, 0.05, 0.15)
    assert "with 2 seeds, it changes auc_pr by +0.1000 (+0.0500 to +0.1500, 95 %). It gains." in summary(
        study, some
    )
    assert summary(study, None).endswith("was not measured.")


def test_the_page_has_plots_and_trials_and_asks_for_nothing(tmp_path: Path) -> None:
    study, plan = study_of(0.8, 0.7, 0.9, 0.85, 0.6), plan_in(tmp_path)
    result = result_of(plan, study, study.best_trial, Gain((0.8, 0.9), (0.9, 0.8), 0.0, -0.9, 0.9))
    write_report(tmp_path / "report.html", result, study)
    page = (tmp_path / "report.html").read_text()
    for heading in ("History", "Importance", "Parallel coordinates", "Trials", "By seed, on another fold"):
        assert f"<h2>{heading}</h2>" in page
    assert page.count("<svg") == 3
    assert page.count('<tr class="best">') == 1
    assert "<script" not in page
    assert not re.findall(r"""(?:href|src)=["'](?!#|data:)[^"']*""", page)
    assert not re.findall(r"url\((?!#)", page)


def test_with_few_trials_there_is_no_word_of_importance(tmp_path: Path) -> None:
    study = study_of(0.8, 0.9)
    write_report(tmp_path / "report.html", result_of(plan_in(tmp_path), study, study.best_trial, None), study)
    page = (tmp_path / "report.html").read_text()
    assert "<h2>History</h2>" in page
    assert "Importance" not in page
