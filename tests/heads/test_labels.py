"""The labels: what is wrong with them is said before anything is trained, and groups stay together."""

from pathlib import Path

import pytest

from batch.errors import BatchError
from batch.lists import read_csv
from datasets.manifest import Example
from heads.labels import as_examples, folds_of, make_plan, with_digests


def examples(counts: dict[str, int]) -> list[Example]:
    rows = [
        {"filename": f"{label}{number}", "label": label}
        for label, count in counts.items()
        for number in range(count)
    ]
    found = as_examples(rows, "labels.csv", "label", None)
    return with_digests([(example, name) for name, example in found.items()])


def test_labels_come_from_any_column_and_the_rest_says_what_belongs_together(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("filename,kind,category,source,group\na.png,cat,indoor,here@1,g\nb.png,dog,,,\n")
    found = as_examples(read_csv(path), str(path), "kind", tmp_path)
    assert [(one.label, one.category, one.source) for one in found.values()] == [
        ("cat", "indoor", "here@1"),
        ("dog", "dog", "labels.csv"),
    ]
    assert found["a.png"].metadata["group"] == "g"
    assert found["a.png"].path == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("filename,kind\na,b\n", "labels.csv has no column label; it has filename, kind"),
        ("name,label\na,b\n", "labels.csv has no column filename"),
        ("filename,label\na,b\nc,\n", "labels.csv, row 2: label is empty"),
        ("filename,label\n,b\n", "labels.csv, row 1: filename is empty"),
        ("filename,label\na,b\na,c\n", "row 2: a is c, and b in another row"),
        ("filename,label\n", "labels.csv has no rows"),
    ],
)
def test_a_malformed_list_is_refused_by_its_row(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(BatchError, match=complaint):
        as_examples(read_csv(path), "labels.csv", "label", None)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/secret.png"])
def test_a_name_does_not_lead_out_of_the_folder_of_images(name: str, tmp_path: Path) -> None:
    rows = [{"filename": name, "label": "a"}]
    assert as_examples(rows, "labels.csv", "label", None)[name].original == name
    with pytest.raises(BatchError, match=r"labels\.csv, row 1: .*secret\.png is not below"):
        as_examples(rows, "labels.csv", "label", tmp_path)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"cannot read .*none\.csv: No such file"):
        list(read_csv(tmp_path / "none.csv"))
    (tmp_path / "b.csv").write_bytes(b"filename,label\n\xff,a\n")
    with pytest.raises(BatchError, match="is not text in UTF-8"):
        list(read_csv(tmp_path / "b.csv"))


def test_every_class_has_train_examples_and_a_hold_out_and_no_image_is_in_both() -> None:
    everything = examples({"b": 20, "a": 10, "c": 5})
    plan = make_plan(everything, 0.2, 1, ())
    assert plan.labels == ("out_of_domain", "a", "b", "c")
    assert plan.train_labels == ("a", "b", "c")
    assert {example.label for example in plan.holdout_examples} == {"a", "b", "c"}
    assert {one.original for one in plan.train_examples}.isdisjoint(
        one.original for one in plan.holdout_examples
    )
    assert make_plan(everything, 0.2, 1, ()) == plan
    assert make_plan(everything, 0.2, 2, ()) != plan


def test_out_of_domain_is_a_class_like_others_where_it_is_labelled() -> None:
    plan = make_plan(examples({"logo": 10, "out_of_domain": 10}), 0.2, 1, ())
    assert plan.labels == plan.train_labels == ("out_of_domain", "logo")
    ordered = make_plan(examples({"logo": 10, "out_of_domain": 10}), 0.2, 1, ("logo", "out_of_domain"))
    assert ordered.labels == ("logo", "out_of_domain")


@pytest.mark.parametrize(
    ("counts", "classes", "complaint"),
    [
        ({"a": 9}, (), "all 9 images are 'a': a model tells two classes or more"),
        ({"a": 9, "b": 9}, ("a", "c"), "b0 is labelled 'b', none of a, c"),
        ({"a": 9, "b": 9}, ("a", "b", "c"), "there is no image of 'c' to train on"),
        (
            {"a": 1, "b": 9},
            (),
            "10 images are too few to evaluate on: .* not alike, and none could be held out of a",
        ),
    ],
)
def test_what_no_model_can_be_made_of_is_refused(
    counts: dict[str, int], classes: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(BatchError, match=complaint):
        make_plan(examples(counts), 0.2, 1, classes)


def test_equal_features_are_one_group_whatever_their_names() -> None:
    rows = [{"filename": f"{n}", "label": "a" if n % 2 else "b"} for n in range(40)]
    found = as_examples(rows, "labels.csv", "label", None)
    doubled = with_digests([(example, str(int(name) // 4)) for name, example in found.items()])
    plan = make_plan(doubled, 0.3, 1, ())
    assert {one.sha256 for one in plan.train_examples}.isdisjoint(one.sha256 for one in plan.holdout_examples)


@pytest.mark.parametrize("seed", range(5))
def test_groups_that_share_an_image_are_on_one_side_with_all_that_is_in_them(seed: int) -> None:
    rows = [{"filename": f"{n}", "label": "ab"[n % 2], "group": f"shelf {n // 2}"} for n in range(80)]
    found = as_examples(rows, "labels.csv", "label", None)
    # Of shelves 0 and 1, 2 and 3, and so on, each has one image that the other has, too.
    digests = [f"{name}" if int(name) % 4 in (0, 3) else f"of both {int(name) // 4}" for name in found]
    plan = make_plan(with_digests(list(zip(found.values(), digests, strict=True))), 0.3, seed, ())
    trained, held_out = (
        {int(one.original) // 4 for one in part} for part in (plan.train_examples, plan.holdout_examples)
    )
    assert trained.isdisjoint(held_out)
    assert len(trained) + len(held_out) == 20


def test_folds_are_of_every_class_and_as_large_as_each_other() -> None:
    everything = examples({"a": 30, "b": 12})
    folds = folds_of(everything, 3, 1)
    for label, wanted in (("a", 10), ("b", 4)):
        counts = [
            sum(fold == number for fold, one in zip(folds, everything, strict=True) if one.label == label)
            for number in range(3)
        ]
        assert max(counts) - min(counts) <= 2
        assert sum(counts) == 3 * wanted
