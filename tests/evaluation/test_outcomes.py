"""Scoring: one outcome per file, in order, through the pool that serves; no file is just left out."""

from pathlib import Path

import pytest

from datasets.manifest import read_examples
from evaluation.errors import EvaluationError
from evaluation.outcomes import PARTNER_UNSCORED, Outcome, align, read_scores, score_examples
from logo_detection.artifact import load_artifact
from tests.evaluation.sets import BLUE, RED, picture, plain_set, recoded_set, write_set

LABELS = ("out_of_domain", "logo")


def scored(artifact: Path, data: Path) -> list[Outcome]:
    return score_examples(load_artifact(artifact), read_examples(data), workers=1)


def test_files_are_scored_in_their_order(artifact: Path, tmp_path: Path) -> None:
    ticks: list[None] = []
    examples = read_examples(plain_set(tmp_path))
    outcomes = score_examples(load_artifact(artifact), examples, 2, lambda: ticks.append(None))
    assert [outcome.example for outcome in outcomes] == examples
    assert len(ticks) == len(examples)
    by_name = {outcome.example.path.name: outcome.scores for outcome in outcomes}
    assert by_name["a.png"] == pytest.approx((0.018, 0.982), abs=1e-3)  # 1 / (1 + exp(4))
    assert by_name["missed.png"] == pytest.approx((0.982, 0.018), abs=1e-3)


def test_a_file_that_is_no_image_has_its_errors_code_and_costs_no_other(
    artifact: Path, tmp_path: Path
) -> None:
    data = write_set(
        tmp_path,
        {
            "logo/a.png": picture(RED),
            "logo/cut.png": picture(RED)[:40],
            "logo/text.png": b"words",
            "out_of_domain/b.png": picture(BLUE),
        },
    )
    outcomes = scored(artifact, data)
    assert [outcome.error for outcome in outcomes] == [None, "image_corrupt", "image_unsupported", None]
    aligned = align(outcomes, LABELS)
    assert len(aligned.truth) == 2
    assert aligned.unscored == {"image_corrupt": 1, "image_unsupported": 1}


def test_a_file_that_has_gone_is_counted(artifact: Path, tmp_path: Path) -> None:
    examples = read_examples(plain_set(tmp_path))
    examples[0].path.unlink()
    outcomes = score_examples(load_artifact(artifact), examples, workers=1)
    assert outcomes[0].error == "no_such_file"
    assert all(outcome.scores for outcome in outcomes[1:])


def test_recodings_of_an_image_are_brought_together(artifact: Path, tmp_path: Path) -> None:
    aligned = align(scored(artifact, recoded_set(tmp_path)), LABELS)
    assert list(aligned.scores) == ["png", "jpeg"]
    assert aligned.truth.tolist() == [1, 1, 0, 0]
    assert aligned.categories == ("brand", "brand", "photo", "photo")
    assert aligned.scores["png"][:, 1].round(2).tolist() == [0.98, 0.98, 0.02, 0.02]
    assert aligned.scores["jpeg"][:, 1].round(2).tolist() == [0.98, 0.02, 0.02, 0.02]


def test_an_image_is_measured_in_all_recodings_or_in_none(artifact: Path, tmp_path: Path) -> None:
    data = recoded_set(tmp_path, {"logo/5.png": picture(RED), "logo/5.jpeg": b"no image"})
    aligned = align(scored(artifact, data), LABELS)
    assert len(aligned.truth) == 4
    assert aligned.unscored == {"image_unsupported": 1, PARTNER_UNSCORED: 1}


def test_a_recoding_that_is_missing_is_named(artifact: Path, tmp_path: Path) -> None:
    data = recoded_set(tmp_path, {"logo/5.png": picture(RED)})
    with pytest.raises(EvaluationError, match=r"'logo/5' comes as png; every image must come as png, jpeg"):
        align(scored(artifact, data), LABELS)


def test_a_set_of_which_nothing_can_be_scored_is_refused(artifact: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path, {"logo/a.png": b"words", "out_of_domain/b.png": b"words"})
    with pytest.raises(EvaluationError, match="none of 2 files"):
        align(scored(artifact, data), LABELS)


def test_scores_from_a_table_stand_in_for_scoring(tmp_path: Path) -> None:
    data = write_set(
        tmp_path / "data",
        dict.fromkeys(("logo/a.png", "logo/b.png", "logo/c.png", "out_of_domain/d.png"), b"never read"),
    )
    table = tmp_path / "scores.csv"
    table.write_text(
        "path,score_logo,score_out_of_domain,error\n"
        "out_of_domain/d.png,0.25,0.75,\nlogo/a.png,0.5,0.5,\nlogo/b.png,,,image_corrupt\nelsewhere.png,1,0,\n"
    )
    outcomes = read_scores(table, read_examples(data), data, LABELS)
    assert [(outcome.scores, outcome.error) for outcome in outcomes] == [
        ((0.5, 0.5), None),
        (None, "image_corrupt"),
        (None, "no_score"),
        ((0.75, 0.25), None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,score_logo\nlogo/a.png,1\n", "has no column score_out_of_domain"),
        ("path,score_logo,score_out_of_domain\nlogo/a.png,high,0\n", "line 2: could not convert"),
        ("path,score_logo,score_out_of_domain\nlogo/a.png,1\n", "line 2"),
        ("path,score_logo,score_out_of_domain\nlogo/a.png,nan,0\n", "line 2: a score is a probability"),
        ("path,score_logo,score_out_of_domain\nlogo/a.png,7,-6\n", "line 2: a score is a probability"),
    ],
)
def test_a_table_that_has_no_scores_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_scores(table, [], tmp_path, LABELS)


def test_a_byte_order_mark_is_no_part_of_a_tables_column(tmp_path: Path) -> None:
    data = write_set(tmp_path / "data", {"logo/a.png": b"never read"})
    table = tmp_path / "scores.csv"
    table.write_text("path,score_logo,score_out_of_domain\nlogo/a.png,0.75,0.25\n", encoding="utf-8-sig")
    (outcome,) = read_scores(table, read_examples(data), data, LABELS)
    assert outcome.scores == (0.25, 0.75)


def test_a_table_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot read"):
        read_scores(tmp_path / "none.csv", [], tmp_path, LABELS)


def test_images_of_a_group_have_one_number_and_others_one_each(tmp_path: Path) -> None:
    groups = {"a": "acme", "b": "", "c": "acme", "d": ""}
    files = {f"logo/{name}.png": picture(RED) for name in groups}
    rows = [{"path": path, "label": "logo", "group": groups[path[5]]} for path in files]
    examples = read_examples(write_set(tmp_path, files, rows))
    aligned = align([Outcome(example, (0.1, 0.9), None) for example in examples], LABELS)
    assert aligned.groups.tolist() == [0, 1, 0, 2]
