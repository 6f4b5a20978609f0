"""Sources: the list of repositories is checked, and the draw of their files is the same every time."""

from pathlib import Path
from typing import Any

import pytest

from datasets.clones import TreeFile
from datasets.sources import Source, SourcesInvalid, read_exclusions, read_sources, select_files
from tests.harness.process import ROOT

SHIPPED = ROOT / "training" / "sources.toml"

TABLE = """
[[source]]
repository = "acme/logos"
commit = "0123456789012345678901234567890123456789"
patterns = ["logos/*.svg"]
label = "logo"
category = "brand"
licence = "CC0-1.0"
"""


def source(**changes: Any) -> Source:
    values = {
        "repository": "acme/logos", "commit": "0" * 40, "patterns": ["*.svg"], "label": "logo",
        "category": "brand", "licence": "CC0-1.0",
    }  # fmt: skip
    return Source.model_validate({**values, **changes})


def files(*paths: str) -> list[TreeFile]:
    return [TreeFile(path, "0" * 40) for path in paths]


def selected(one: Source, *paths: str) -> list[str]:
    return [file.path for file in select_files(one, files(*paths))]


def test_the_fields_of_a_table_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(TABLE + "most = 5\nside = 512\nquality = 90\ngroup = '(\\d+)'\n")
    (one,) = read_sources(path)
    assert (one.repository, one.patterns, one.most, one.side, one.quality) == (
        "acme/logos", ["logos/*.svg"], 5, 512, 90,
    )  # fmt: skip
    assert one.group is not None
    assert one.group.pattern == r"(\d+)"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('repository = "../logos"', "source.0.repository"),
        ('repository = "--upload-pack=x/logos"', "source.0.repository"),
        ('commit = "main"', "source.0.commit"),
        ('commit = "012345678901"', "source.0.commit"),
        ("patterns = []", "source.0.patterns"),
        ('label = "a/b"', "source.0.label"),
        ('category = ".."', "source.0.category"),
        ('licence = ""', "source.0.licence"),
        ("most = 0", "source.0.most"),
        ('most = "5"', "source.0.most"),
        ("side = 8", "source.0.side"),
        ("quality = 101", "source.0.quality"),
        ('group = "("', "source.0.group"),
        ('colour = "red"', "source.0.colour"),
    ],
)
def test_a_field_that_is_not_valid_is_named(tmp_path: Path, line: str, named: str) -> None:
    path = tmp_path / "sources.toml"
    name = line.split(" ")[0]
    kept = [known for known in TABLE.splitlines() if not known.startswith(f"{name} ")]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(SourcesInvalid, match=f"sources.toml: {named}: "):
        read_sources(path)


@pytest.mark.parametrize("content", ["", "= no TOML", "[source]\n"])
def test_a_file_without_sources_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(content)
    with pytest.raises(SourcesInvalid, match=r"sources\.toml"):
        read_sources(path)
    with pytest.raises(SourcesInvalid, match="cannot be read"):
        read_sources(tmp_path / "none.toml")


def test_files_that_match_a_pattern_and_no_exclusion_are_taken_by_path() -> None:
    one = source(patterns=["logos/*.svg", "*.png"], exclude=["*-dark.*"])
    paths = ("z.png", "logos/a.svg", "logos/deep/b.svg", "logos/a-dark.svg", "logos/a.PNG", "a.svg")
    assert selected(one, *paths) == ["logos/a.svg", "logos/deep/b.svg", "z.png"]


def test_a_draw_is_the_same_every_time_and_keeps_most_of_itself_when_files_come() -> None:
    paths = [f"{number}.svg" for number in range(200)]
    drawn = selected(source(most=50), *paths)
    assert len(drawn) == 50
    assert selected(source(most=50), *reversed(paths)) == drawn
    assert len(set(drawn) & set(selected(source(most=50), *paths, "new.svg"))) >= 49
    assert len(set(drawn) & set(paths[:50])) < 30


def test_the_variants_of_a_logo_are_one_group_in_all_repositories() -> None:
    names = (
        "logos/acme.svg",
        "Acme-icon.png",
        "acme_wordmark-dark.svg",
        "acme-512x512.png",
        "a/acme-original.svg",
    )
    groups = {source(repository=f"o/{index}").group_of(name) for index, name in enumerate(names)}
    assert groups == {"logo acme"}
    assert source(category="tv").group_of("acme.png") == "logo acme"
    assert source().group_of("acme-corp.svg") != "logo acme"


def test_names_in_any_script_are_apart() -> None:
    assert source().group_of("логотип.svg") != source().group_of("標誌.svg")


def test_a_group_is_what_an_expression_captures() -> None:
    channel = source(category="tv", group=r"([^/]+?)(?:-hd)?-[a-z]{2}\.png$")
    assert channel.group_of("countries/x/acme-one-hd-uk.png") == channel.group_of("y/acme-one-de.png")
    house = source(label="out_of_domain", category="photo", group=r"/(\d+)_")
    assert house.group_of("Houses/12_kitchen.jpg") == "photo 12"
    flag = source(label="out_of_domain", category="flag", group=r"/([a-z]{2})(?:/([a-z]+))?\.svg")
    assert [flag.group_of("svg/us/al.svg"), flag.group_of("svg/us.svg")] == ["flag us/al", "flag us/"]


def test_a_picture_that_is_no_logo_stands_alone_without_an_expression() -> None:
    photo = source(label="out_of_domain", category="photo")
    assert photo.group_of("image-1.jpg") == ""
    assert source(label="out_of_domain", group=r"/(\d+)_").group_of("none.jpg") == ""


def test_exclusions_name_an_image_by_hash_or_by_path(tmp_path: Path) -> None:
    path = tmp_path / "excluded.csv"
    path.write_text('sha256,repository,path,reason\nabc,,,a logo\n,acme/logos,"a\nb.svg",empty\n')
    found = read_exclusions(path)
    assert found.by_sha256 == {"abc": "a logo"}
    assert found.by_path == {("acme/logos", "a\nb.svg"): "empty"}


@pytest.mark.parametrize(
    "row", ["abc,,,", ",acme/logos,,why", ",,a.svg,why", "abc,acme/logos,a.svg,why", "abc"]
)
def test_an_exclusion_that_does_not_say_what_or_why_is_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "excluded.csv"
    path.write_text(f"sha256,repository,path,reason\n{row}\n")
    with pytest.raises(SourcesInvalid, match="row 2"):
        read_exclusions(path)


def test_what_ships_is_valid_and_takes_no_more_of_a_corpus_for_judging_than_it_may() -> None:
    sources = read_sources(SHIPPED)
    read_exclusions(SHIPPED.with_name("excluded.csv"))
    commits = {(one.repository, one.commit) for one in sources}
    assert len(commits) == len({one.repository for one in sources})
    corpus = [one for one in sources if one.repository == "imazen/codec-corpus"]
    assert all(pattern.startswith("CID22/") for one in corpus for pattern in one.patterns)
    assert {one.label for one in sources} == {"logo", "out_of_domain"}


def test_a_misspelt_field_is_told_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(TABLE + "qualtiy = 90\n")
    with pytest.raises(SourcesInvalid, match=r"source\.0\.qualtiy: .*; did you mean quality\?$"):
        read_sources(path)
