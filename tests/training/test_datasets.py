"""Datasets: what is read, and that nothing that judges was learnt from."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from training.datasets import Example, HoldOut, brand_of, group_of, read_examples, sources_of, split

NOTHING = HoldOut(frozenset(), {}, seed=1)


def example(name: str, category: str = "brand", repository: str = "acme/logos") -> Example:
    return Example(Path(name), "logo", category, f"{repository}@1", name, "CC0", "0" * 64)


def test_a_manifest_says_what_each_image_is(images: Path) -> None:
    examples = read_examples(images)
    assert len(examples) == 16
    assert all(item.path.is_file() for item in examples)
    assert sources_of(examples) == {
        "acme/logos@1": 4,
        "acme/photos@3": 4,
        "other/logos@2": 4,
        "other/photos@4": 4,
    }


def test_without_a_manifest_folders_are_labels_and_categories(tmp_path: Path) -> None:
    for name in ("logo/a.png", "out_of_domain/map/b.JPG", "out_of_domain/readme.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    found = [(item.path.name, item.label, item.category) for item in read_examples(tmp_path)]
    assert found == [("a.png", "logo", "logo"), ("b.JPG", "out_of_domain", "map")]


def test_a_held_out_source_is_in_validation_whole_and_alone(images: Path) -> None:
    parts = split(read_examples(images), HoldOut(frozenset({"other/logos", "other/photos"}), {}, seed=1))
    assert sources_of(parts.training) == {"acme/logos@1": 4, "acme/photos@3": 4}
    assert sources_of(parts.validation) == {"other/logos@2": 4, "other/photos@4": 4}


def test_a_brand_that_is_learnt_from_is_not_judged_by() -> None:
    learnt = [example("acme.svg"), example("globex-icon.svg")]
    unseen = example("initech.svg", repository="other/logos")
    held = [example(name, repository="other/logos") for name in ("acme-dark.svg", "Globex_wordmark.svg")]
    parts = split([*learnt, unseen, *held], replace(NOTHING, sources=frozenset({"other/logos"})))
    assert parts.validation == (unseen,)


def test_variants_of_a_file_name_are_one_brand() -> None:
    names = ("acme.svg", "acme-icon.svg", "Acme_wordmark-dark.svg", "acme-logo-2.svg", "lib/acme.io.svg")
    assert {brand_of(example(name)) for name in names} == {"acme"}
    assert brand_of(example("icon.svg")) == "icon"


@given(st.integers(0, 1000), st.floats(0.2, 0.8))
@settings(max_examples=20, deadline=None)
def test_a_group_is_held_out_whole(seed: int, share: float) -> None:
    shots = [example(f"app{index % 12}/{index}.png", "screenshot") for index in range(60)]
    parts = split(shots, replace(NOTHING, shares={"screenshot": share}, seed=seed))
    assert len(parts.training) + len(parts.validation) == 60
    assert not {group_of(item) for item in parts.training} & {group_of(item) for item in parts.validation}


def test_shares_hold_roughly_and_do_not_change() -> None:
    flags = [example(f"{index}.svg", "flag") for index in range(400)]
    hold_out = replace(NOTHING, shares={"flag": 0.25})
    parts = split(flags, hold_out)
    assert 70 <= len(parts.validation) <= 130
    assert split(flags, hold_out) == parts
    assert split(flags, replace(hold_out, seed=2)) != parts
