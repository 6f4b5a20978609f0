"""Repositories: images become the same set every time, and nothing hostile becomes an image of it."""

import csv
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets import repositories
from datasets.clones import CloneError
from datasets.duplicates import drop_duplicates, near_duplicates
from datasets.manifest import Example, read_examples
from datasets.repositories import SetUnwritable, import_repositories
from datasets.sources import Exclusions, Source
from datasets.splits import HoldOut, split
from tests import images
from tests.harness.process import ROOT, clean_environment
from tests.repositories import commit_all, commit_index, delete_blob, git, make_repository

NOTHING = Exclusions({}, {})
NOWHERE = "file:///nonexistent"


def noise(seed: int, side: int = 64) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def source(repository: str, commit: str, **changes: Any) -> Source:
    values = {
        "repository": repository, "commit": commit, "patterns": ["*"], "label": "logo", "category": "brand",
        "licence": "CC0-1.0",
    }  # fmt: skip
    return Source.model_validate({**values, **changes})


def clone_of(tmp_path: Path, files: Mapping[str, bytes], repository: str = "o/n") -> str:
    return make_repository(tmp_path / "clones" / repository, files)


def run(
    tmp_path: Path, *sources: Source, exclusions: Exclusions = NOTHING, into: str = "data"
) -> tuple[list[Example], dict[str, str]]:
    """The images of the set that is made, and the reason for each file that it lacks."""
    target = tmp_path / into
    has, lacks = import_repositories(sources, exclusions, tmp_path / "clones", NOWHERE, target, map)
    with (target / "failures.csv").open(newline="", encoding="utf-8") as file:
        failures = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    examples = read_examples(target) if has else []
    assert (has, lacks) == (len(examples), len(failures))
    return examples, failures


def test_an_image_has_its_source_licence_hash_and_group(tmp_path: Path) -> None:
    logo = images.svg_logo()
    commit = clone_of(tmp_path, {"logos/acme-icon.svg": logo})
    (one,), failures = run(tmp_path, source("o/n", commit))
    assert failures == {}
    assert one.path.read_bytes() == logo
    assert one.path.relative_to(tmp_path / "data").parts[:2] == ("logo", "brand")
    assert (one.label, one.category, one.source, one.original, one.licence) == (
        "logo", "brand", f"o/n@{commit[:12]}", "logos/acme-icon.svg", "CC0-1.0",
    )  # fmt: skip
    assert one.metadata == {"group": "logo acme"}


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    files = {f"{seed}.png": images.png(noise(seed, 300)) for seed in range(20)}
    commit = clone_of(tmp_path, files)
    one = source("o/n", commit, side=128, quality=90, most=10)
    run(tmp_path, one, into="first")
    run(tmp_path, one, into="second")
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("first", "second")
    )
    assert len(first) == 12
    assert first == second


@pytest.mark.parametrize(
    ("name", "content", "kept_as", "size"),
    [
        ("large.jpg", images.jpeg(noise(1, 300)), "jpeg", (128, 128)),
        ("large.png", images.png(noise(1, 300)), "jpeg", (128, 128)),
        ("clear.png", images.png(images.see_through(300, 150)), "png", (128, 64)),
        ("turned.jpg", images.jpeg_oriented(noise(1).resize((300, 150)), 6), "jpeg", (64, 128)),
    ],
)
def test_a_large_raster_is_scaled_down(
    tmp_path: Path, name: str, content: bytes, kept_as: str, size: tuple[int, int]
) -> None:
    commit = clone_of(tmp_path, {name: content})
    (one,), _ = run(tmp_path, source("o/n", commit, side=128, quality=90))
    assert one.path.suffix == f".{kept_as}"
    with Image.open(one.path) as picture:
        assert picture.size == size


def test_a_small_raster_and_a_drawing_are_kept_as_they_are(tmp_path: Path) -> None:
    files = {
        "small.webp": images.webp(noise(1)),
        "small.tif": images.tiff(noise(2)),
        "a.svg": images.svg_logo(),
    }
    commit = clone_of(tmp_path, files)
    examples, _ = run(tmp_path, source("o/n", commit, side=64, quality=50))
    assert {one.original: one.path.read_bytes() for one in examples} == files


def test_the_ground_of_a_drawing_can_be_taken_away(tmp_path: Path) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">%s</svg>'
    ground, mark = b'<path d="M0 0h64v64H0z"/>', b'<path d="M20 20h9v9h-9z"%s/>'
    commit = clone_of(tmp_path, {"a.svg": drawing % (ground + mark % b' fill="#fff"')})
    replace = {ground.decode(): "", 'fill="#fff"': 'fill="#123"'}
    (one,), _ = run(tmp_path, source("o/n", commit, replace=replace))
    assert one.path.read_bytes() == drawing % (mark % b' fill="#123"')


def test_what_is_no_image_of_use_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    commit = clone_of(
        tmp_path,
        {
            "bomb.png": images.png_bomb(),
            "bomb.svg": images.svg_entity_bomb(),
            "white.svg": images.svg('<rect width="100" height="100" fill="#fff"/>'),
            "pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
            "text.png": b"hello",
            "empty.png": b"",
            "cut.jpg": images.jpeg()[:300],
            "two\nlines.png": images.png(noise(1)),
        },
    )
    (one,), failures = run(tmp_path, source("o/n", commit))
    assert one.original == "two\nlines.png"
    assert {path: reason.split(":")[0] for path, reason in failures.items()} == {
        "bomb.png": "image_too_many_pixels",
        "bomb.svg": "image_corrupt",
        "white.svg": "shows nothing on white",
        "pointer.png": "is a pointer of Git LFS",
        "text.png": "image_unsupported",
        "empty.png": "image_corrupt",
        "cut.jpg": "image_corrupt",
    }


def test_links_submodules_and_absent_contents_become_no_images(tmp_path: Path) -> None:
    repository = tmp_path / "clones" / "o" / "n"
    make_repository(repository, {"real.png": images.png(noise(1)), "absent.png": images.png(noise(2))})
    (repository / "link.png").symlink_to(repository / "real.png")
    commit_all(repository)
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub.png")
    commit = commit_index(repository)
    delete_blob(repository, git(repository, "rev-parse", "HEAD:absent.png"))
    (one,), failures = run(tmp_path, source("o/n", commit))
    assert one.original == "real.png"
    assert failures == {"absent.png": "is absent from the clone"}


def test_a_file_of_too_many_bytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repositories, "MAX_FILE_BYTES", 10_000)
    files = {"small.png": images.png(noise(1, 16)), "large.png": images.png(noise(2)) + b"\0" * 10_000}
    commit = clone_of(tmp_path, files)
    (one,), failures = run(tmp_path, source("o/n", commit))
    assert one.original == "small.png"
    assert failures == {"large.png": "has more than 10,000 bytes"}


def test_a_repeated_picture_is_one_image_and_a_contradiction_none(tmp_path: Path) -> None:
    same, both = images.png(noise(1)), images.png(noise(2))
    logos = clone_of(tmp_path, {"a.png": same, "b.png": same, "c.png": both}, "o/logos")
    icons = clone_of(tmp_path, {"d.png": both}, "o/icons")
    (one,), failures = run(
        tmp_path,
        source("o/logos", logos),
        source("o/icons", icons, label="out_of_domain", category="icon"),
    )
    assert one.original == "a.png"
    assert failures == {
        "b.png": "is the same as a.png of o/logos",
        "c.png": "has two labels: logo, out_of_domain",
        "d.png": "has two labels: logo, out_of_domain",
    }
    assert list((tmp_path / "data").rglob("*.png")) == [one.path]


def test_excluded_images_are_left_out_by_hash_and_by_path(tmp_path: Path) -> None:
    commit = clone_of(tmp_path, {f"{seed}.png": images.png(noise(seed)) for seed in range(3)})
    first = next(
        one for one in run(tmp_path, source("o/n", commit), into="all")[0] if one.original == "0.png"
    )
    exclusions = Exclusions({first.sha256: "a face"}, {("o/n", "1.png"): "empty", ("o/x", "2.png"): "other"})
    (one,), failures = run(tmp_path, source("o/n", commit), exclusions=exclusions)
    assert one.original == "2.png"
    assert failures == {"0.png": "excluded: a face", "1.png": "excluded: empty"}


def test_neither_brands_nor_near_duplicates_cross_the_split(tmp_path: Path) -> None:
    variants = {f"{name}{end}": images.png(noise(seed * 10 + index)) for seed, name in enumerate("abcdefgh")
                for index, end in enumerate((".png", "-icon.png", "-wordmark-dark.png"))}  # fmt: skip
    copies = {f"{name}-256.png": images.png(noise(seed * 10, 256)) for seed, name in enumerate("abcdefgh")}
    strangers = {f"stranger{seed}.png": images.png(noise(seed * 10, 128)) for seed in range(8)}
    one, two, three = (
        source(f"o/{name}", clone_of(tmp_path, files, f"o/{name}"), category=category)
        for name, files, category in (("x", variants, "brand"), ("y", copies, "app"), ("z", strangers, "tv"))
    )
    examples, _ = run(tmp_path, one, two, three)
    parts = drop_duplicates(split(examples, HoldOut({}, seed=1, share=0.5)), workers=1)
    brands = [{example.metadata["group"] for example in part} for part in (parts.training, parts.validation)]
    assert brands[0]
    assert brands[1]
    assert not brands[0] & brands[1]
    assert len(parts.training) + len(parts.validation) < len(examples)
    assert near_duplicates(parts.training, parts.validation, workers=1) == []


def test_a_set_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    commit = clone_of(tmp_path, {"a.png": images.png(noise(1))})
    sources = (source("o/n", commit), source("o/n", "0" * 40))
    with pytest.raises(CloneError, match="git ls-tree"):
        run(tmp_path, *sources)
    assert {path.name for path in tmp_path.iterdir()} == {"clones"}
    run(tmp_path, sources[0])
    with pytest.raises(SetUnwritable):
        run(tmp_path, sources[0])
    assert {path.name for path in tmp_path.iterdir()} == {"clones", "data"}


def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    commit = clone_of(tmp_path, {"a.png": images.png(noise(1))})
    with pytest.raises(CloneError, match=r"o/n: no file matches \*\.jpg"):
        run(tmp_path, source("o/n", commit, patterns=["*.jpg"]))


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datasets", "git", *map(str, arguments)],
        cwd=ROOT, env=clean_environment({}), capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def test_the_command_makes_the_clones_that_there_are_not(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "origin" / "acme" / "logos", {"a.png": images.png(noise(1))})
    sources = tmp_path / "sources.toml"
    sources.write_text(
        f'[[source]]\nrepository = "acme/logos"\ncommit = "{commit}"\npatterns = ["*.png"]\n'
        'label = "logo"\ncategory = "brand"\nlicence = "CC0-1.0"\n'
    )
    given = ("--sources", sources, "--clones", tmp_path / "clones", "--into", tmp_path / "data")
    done = command(*given, "--origin", f"file://{tmp_path}/origin", "--workers", 1)
    assert (done.returncode, len(read_examples(tmp_path / "data"))) == (0, 1), done.stderr
    assert "1 images; 0 files were left out" in done.stderr
    again = command(*given, "--workers", 1)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "and not empty" in again.stderr


def test_the_command_without_git_is_that_of_a_wiki() -> None:
    asked = [sys.executable, "-m", "datasets", "--help"]
    done = subprocess.run(
        asked, cwd=ROOT, env=clean_environment({}), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0
    assert "--category" in done.stdout
    assert "logo-import git" in done.stdout
