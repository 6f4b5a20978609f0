"""Splits: no group is in training and in validation."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.manifest import Example
from datasets.splits import HoldOut, Split, assign_folds, brand_of, group_of, sources_of, split

NOTHING = HoldOut({}, seed=1)
LABELS = ("logo", "out_of_domain", "third")


def example(
    name: str, category: str = "brand", repository: str = "acme/logos", label: str = "logo", group: str = ""
) -> Example:
    metadata = {"group": group} if group else {}
    digest = hashlib.sha256(f"{name} {category} {repository}".encode()).hexdigest()
    return Example(Path(name), label, category, f"{repository}@1", name, "CC0", "", digest, metadata=metadata)


def identity(item: Example) -> tuple[str, ...]:
    """What two rows of a generated set may not share."""
    return item.source, item.category, item.original


def known_groups(items: Iterable[Example]) -> set[str]:
    """Brands and the manifest's groups, which are the same wherever they are shown."""
    return {
        f"group {item.metadata['group']}" if "group" in item.metadata else f"brand {brand_of(item)}"
        for item in items
        if "group" in item.metadata or item.category == "brand"
    }


examples_strategy = st.lists(
    st.builds(
        example,
        name=st.from_regex(r"[xy]/[a-h](-icon|-2)?\.svg", fullmatch=True),
        category=st.sampled_from(["brand", "flag", "screenshot", "photo"]),
        repository=st.sampled_from(["one/logos", "two/logos", "Category:Three"]),
        label=st.sampled_from(LABELS),
        group=st.sampled_from(["", "", "g", "h"]),
    ),
    max_size=60,
    unique_by=identity,
)
hold_outs = st.builds(
    HoldOut,
    sources=st.dictionaries(st.sampled_from(["one/logos", "Category:Three"]), st.floats(0, 1)),
    seed=st.integers(0, 1000),
    share=st.floats(0, 1),
)


@given(examples_strategy, hold_outs)
@settings(max_examples=200)
def test_no_example_is_lost_and_no_known_group_is_on_both_sides(
    items: list[Example], hold_out: HoldOut
) -> None:
    parts = split(items, hold_out)
    assert Counter(map(identity, parts.training + parts.validation)) == Counter(map(identity, items))
    assert not known_groups(parts.training) & known_groups(parts.validation)


@given(examples_strategy, hold_outs, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_of_the_examples_decides_nothing(
    items: list[Example], hold_out: HoldOut, rng: random.Random
) -> None:
    parts = split(items, hold_out)
    shuffled = rng.sample(items, len(items))
    again = split(shuffled, hold_out)
    assert set(map(identity, again.validation)) == set(map(identity, parts.validation))
    assert split(items, hold_out) == parts


@given(
    st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from("pqr")), min_size=2, max_size=80),
    st.floats(0.001, 1),
    st.integers(0, 50),
)
@settings(max_examples=200)
def test_every_label_of_two_groups_or_more_is_on_both_sides(
    kinds: list[tuple[str, str]], share: float, seed: int
) -> None:
    items = [example(f"{index}.png", category, label=label) for index, (label, category) in enumerate(kinds)]
    parts = split(items, HoldOut({}, seed, share))
    for label, count in Counter(label for label, _ in kinds).items():
        held = sum(item.label == label for item in parts.validation)
        if count >= 2:
            assert 1 <= held <= count - 1


def test_about_the_share_is_held_out_of_every_category_of_a_label() -> None:
    items = [
        example(f"{index}.png", category, label="out_of_domain")
        for category in ("map", "photo", "chart")
        for index in range(1000)
    ]
    for seed in range(3):
        held = Counter(item.category for item in split(items, HoldOut({}, seed, share=0.25)).validation)
        assert all(200 <= held[category] <= 300 for category in ("map", "photo", "chart")), (seed, held)


@given(st.integers(0, 1000), st.integers(2, 6))
@settings(max_examples=50)
def test_folds_are_even_over_labels_and_categories_and_no_group_is_in_two(seed: int, number: int) -> None:
    items = [
        example(f"{index}.png", category, label=label, group=f"{label} {category} {index // 2}")
        for label, category in (("logo", "old"), ("logo", "new"), ("third", "third"))
        for index in range(40)
    ]
    folds = assign_folds(items, number, seed)
    assert len({(item.metadata["group"], part) for item, part in zip(items, folds, strict=True)}) == 60
    for wanted in ({"old"}, {"new"}, {"old", "new"}, {"third"}):
        sizes = Counter(part for item, part in zip(items, folds, strict=True) if item.category in wanted)
        assert set(sizes) == set(range(number))
        assert max(sizes.values()) - min(sizes.values()) <= 2  # one group of two


def test_another_seed_holds_out_others() -> None:
    items = [example(f"{index}.png", "photo") for index in range(50)]
    assert split(items, HoldOut({}, 1, 0.2)) != split(items, HoldOut({}, 2, 0.2))


def test_a_group_of_the_manifest_stays_together_across_sources() -> None:
    items = [
        example(f"{index}.png", "photo", repository=f"repo/{index % 3}", group=f"album {index % 10}")
        for index in range(60)
    ]
    parts = split(items, HoldOut({"repo/0": 1.0}, seed=3, share=0.3))
    assert len(parts.validation) in {6, 12, 18, 24}
    assert not known_groups(parts.training) & known_groups(parts.validation)


@pytest.mark.parametrize(
    ("sources", "share", "name"),
    [({"a/b": 1.5}, 0.0, "a/b"), ({}, -0.1, "others"), ({}, float("nan"), "others")],
)
def test_a_share_that_is_none_is_refused(sources: dict[str, float], share: float, name: str) -> None:
    with pytest.raises(ValueError, match=f"share of {name}: .* is not 0 to 1"):
        HoldOut(sources, 1, share)


def test_a_held_out_source_is_in_validation_whole_and_alone() -> None:
    images = [
        example(f"{index}.png", "photo", f"{owner}/{kind}")
        for owner in ("acme", "other")
        for kind in ("logos", "photos")
        for index in range(4)
    ]
    parts = split(images, HoldOut({"other/logos": 1.0, "other/photos": 1.0}, seed=1))
    assert sources_of(parts.training) == {"acme/logos@1": 4, "acme/photos@1": 4}
    assert sources_of(parts.validation) == {"other/logos@1": 4, "other/photos@1": 4}


def test_a_brand_of_training_is_not_in_validation() -> None:
    trained = [example("acme.svg"), example("globex-icon.svg")]
    unseen = example("initech.svg", repository="other/logos")
    held = [example(name, repository="other/logos") for name in ("acme-dark.svg", "Globex_wordmark.svg")]
    parts = split([*trained, unseen, *held], replace(NOTHING, sources={"other/logos": 1.0}))
    assert parts == Split((*trained, *held), (unseen,))


def test_variants_of_a_file_name_are_one_brand() -> None:
    names = (
        "acme.svg",
        "acme-icon.svg",
        "Acme_wordmark-dark.svg",
        "acme-logo-2.svg",
        "lib/acme.io.svg",
        "acme-512x512.png",
        "acme-original-wordmark.svg",
        "ACME horizontal white.png",
    )
    assert {brand_of(example(name)) for name in names} == {"acme"}
    assert brand_of(example("icon.svg")) == "icon"


@given(st.integers(0, 1000), st.floats(0.2, 0.8))
@settings(max_examples=20)
def test_a_folder_of_screenshots_is_held_out_whole(seed: int, share: float) -> None:
    shots = [example(f"app{index % 12}/{index}.png", "screenshot") for index in range(60)]
    parts = split(shots, HoldOut({"acme/logos": share}, seed))
    assert len(parts.training) + len(parts.validation) == 60
    assert not {group_of(item) for item in parts.training} & {group_of(item) for item in parts.validation}


@pytest.mark.parametrize("hold_out", [HoldOut({"acme/logos": 0.25}, 1), HoldOut({}, 1, 0.25)])
def test_a_source_that_grows_keeps_its_split(hold_out: HoldOut) -> None:
    flags = [example(f"{index}.svg", "flag") for index in range(400)]
    parts = split(flags, hold_out)
    assert 70 <= len(parts.validation) <= 130
    fewer = split(flags[:300], hold_out)
    assert set(map(identity, fewer.validation)) <= set(map(identity, parts.validation))
    assert set(map(identity, fewer.training)) <= set(map(identity, parts.training))
    assert split(flags, replace(hold_out, seed=2)) != parts
