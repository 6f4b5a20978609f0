"""The page: whole in itself, with the right numbers, and harmless whatever files are called."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from datasets.manifest import Example, read_examples
from evaluation.comparison import OtherEvaluation, compare
from evaluation.document import make_document
from evaluation.evaluate import evaluate_scores, main
from evaluation.outcomes import Outcome, align
from evaluation.page import render_page
from evaluation.pictures import worst
from logo_detection.artifact import Artifact
from logo_detection.decode.spec import ImageSpec
from tests.evaluation.sets import BLUE, HOSTILE, picture, plain_set, recoded_set, write_set

SECTIONS = {
    "headline", "false-alarms", "categories", "threshold", "classes", "confusion", "curves", "calibration",
    "histograms", "recodings", "errors", "provenance",
}  # fmt: skip

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What of a page the tests look at: its elements, its sections' texts, its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self._section = ""
        self.feed(text)
        self.close()
        self.rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.elements.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self._section = values["id"] or ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "br" and "tr" in self.open:
            self.rows[-1][-1] += " "

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts[self._section] = self.texts.get(self._section, "") + data
        if "tr" in self.open:
            self.rows[-1][-1] += data

    def row(self, heading: str) -> list[str]:
        """The first row with this heading."""
        return next(row for row in self.rows if row[0] == heading)

    def attributes(self, name: str) -> Iterator[str]:
        return (values[name] or "" for _, values in self.elements if name in values)


def evaluated(artifact: Path, data: Path, output: Path, *more: str) -> str:
    common = ["--model", str(artifact), "--data", str(data), "--output", str(output), "--workers", "1"]
    assert main([*common, *more]) == 0
    return (output / "report.html").read_text()


@pytest.fixture(scope="module")
def text(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("evaluated")
    return evaluated(artifact, plain_set(directory / "data"), directory / "out")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


@pytest.fixture(scope="module")
def recoded(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    directory = tmp_path_factory.mktemp("recoded")
    data = recoded_set(directory / "data")
    evaluated(artifact, data, directory / "former")
    (data / "out_of_domain" / "3.png").write_bytes(picture(BLUE))
    former = str(directory / "former" / "evaluation.json")
    return Page(evaluated(artifact, data, directory / "out", "--against", former))


def test_every_section_is_there_and_every_element_is_closed(page: Page) -> None:
    assert {values["id"] for tag, values in page.elements if tag == "section"} == SECTIONS
    assert page.open == []
    links = {target.removeprefix("#") for target in page.attributes("href") if target.startswith("#")}
    ids = list(page.attributes("id"))
    assert links <= set(ids)
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched_and_nothing_runs(page: Page, text: str) -> None:
    assert {tag for tag, _ in page.elements} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
    } == set()
    for name in ("src", "href", "xlink:href"):
        for target in page.attributes(name):
            assert re.match(r"#|data:image/jpeg;base64,", target), target
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", text))
    assert "@import" not in text
    assert [name for _, values in page.elements for name in values if name.startswith("on")] == []
    assert any("default-src 'none'" in content for content in page.attributes("content"))


def test_a_hostile_name_is_text(page: Page) -> None:
    assert HOSTILE in page.texts["errors"]
    assert [values["src"] for tag, values in page.elements if tag == "img" and values["src"] == "x"] == []
    assert f"map: {HOSTILE}" in page.attributes("alt")


def test_the_numbers_are_those_of_the_model(page: Page) -> None:
    assert page.row("accuracy")[1] == "0.7500"
    assert page.row("logo")[1:4] == ["0.7500", "0.7500", "0.7500"]
    assert page.row("weighted")[-1] == "8"
    assert page.row("photo 3 out_of_domain")[2].startswith("100.0 %")
    assert page.row("map 1 out_of_domain")[2].startswith("0.0 %")
    called = [row for row in page.rows if row[0] == "out_of_domain" and len(row) == 3]
    assert [cell.split()[0] for cell in called[0][1:]] == ["3", "1"]


def test_a_threshold_is_told_with_its_base_rates_and_how_coarse_it_is(page: Page) -> None:
    words = " ".join(page.texts["threshold"].split())
    assert "the false alarms were counted among 4 images" in words
    # 75 % of 300 logos in 100,000 uploads; a quarter of the 99,700 others, to four digits.
    assert "at 0.5 finds 225 and raises 24,920 false alarms" in words
    assert "at 0.9 finds 225. No false alarm was seen" in words
    assert page.row("0.999")[1] == "56.5 %"  # 0.999 at a base rate of 0.13 %


def test_with_a_few_images_no_rate_of_false_alarms_is_claimed(page: Page) -> None:
    assert page.row("logo: at most 1 %")[1:] == ["as is", "fewer than 100 others"]
    assert page.row("logo: at most 0.1 %")[1:] == ["as is", "fewer than 1,000 others"]


def test_what_is_found_at_few_false_alarms_is_told_by_recoding_and_by_kind(tmp_path: Path) -> None:
    kinds = ["brand"] * 20 + ["seal"] * 3 + ["photo"] * 997
    outcomes = [
        Outcome(
            Example(
                tmp_path / f"{number}.{recoding}",
                "logo" if kind == "brand" else "out_of_domain",
                *(kind, "source", "original", "licence", "author", "0"),
                {"recoding": recoding, "pair": str(number)},
            ),
            (1 - score, score),
            None,
        )
        for number, kind in enumerate(kinds)
        for recoding, score in (("png", {"brand": 0.9, "seal": 0.95}.get(kind, 0.1)), ("jpeg", 0.5))
    ]
    (tmp_path / "bare.keras").write_bytes(b"")
    artifact = Artifact(tmp_path / "bare.keras", "bare", "1", ("out_of_domain", "logo"), ImageSpec(), {})
    aligned = align(outcomes, artifact.labels)
    examples = [outcome.example for outcome in outcomes]
    document = make_document(artifact, examples, evaluate_scores(aligned, artifact.labels))
    same = OtherEvaluation(document, outcomes)
    beside = {**document, "comparison": compare(outcomes, same, artifact.labels).as_dict()}
    page = Page(render_page(beside, aligned, worst(outcomes, artifact.labels), document))
    assert page.open == []
    at_three = [row[1:] for row in page.rows if row[0] == "logo: at most 0.3 %"]
    assert at_three[1] == ["png", "100.0 %", "100.0 %", "+0.0 (+0.0 to +0.0)"]
    assert page.row("logo: found at 0.3% false alarms")[1:] == ["1.0000", "1.0000", "same"]
    assert at_three[3:] == [
        # Of 2,000 recodings six may be called a logo: the seals, as PNG; a resample may have more of them.
        ["together", "0.5001", "50.0 % 0.0–50.0 %", "65 + 150", "150 + 150", "250 + 149"],
        ["png", "0.1001", "100.0 % 0.0–100.0 %", "130 + 300", "300 + 299", "500 + 298"],
        ["jpeg", "0.5001", "0.0 % 0.0–0.0 %", "0 + 0", "0 + 0", "0 + 0"],
    ]
    seals = next(row for row in page.rows if row[:2] == ["seal", "3"])
    assert seals[2:] == ["0.0 %", *["0.0 % 0.0–63.2 %"] * 2, "100.0 % 36.8–100.0 %", *["100 %"] * 2, "0 %"]
    assert "logo: found at 0.3 % false alarms png 100.0 % jpeg 0.0 %" in " ".join(
        page.texts["headline"].split()
    )


def test_every_picture_and_plot_has_words_for_those_who_do_not_see_it(page: Page) -> None:
    pictures = [values for tag, values in page.elements if tag == "img"]
    assert len(pictures) == 8 + 8  # each with its heat map
    assert f"Heat map of {HOSTILE}" in [values["alt"] for values in pictures]
    assert all(values.get("alt") for values in pictures)
    plots = [values for tag, values in page.elements if values.get("role") == "img"]
    assert len(plots) == 4
    assert all(values.get("aria-label") for values in plots)
    headings = [values for tag, values in page.elements if tag == "th"]
    assert all(values.get("scope") for values in headings)


def test_wrong_ones_are_marked_among_the_worst(page: Page) -> None:
    classes = [values.get("class") or "" for tag, values in page.elements if tag == "figure"]
    marked = [names for names in classes if "wrong" in names.split()]
    assert len(marked) == 2  # the purple map, and the logo that is blue
    assert page.texts["errors"].index(HOSTILE) < page.texts["errors"].index("missed.png")


def test_where_it_comes_from_is_told(page: Page) -> None:
    assert "mean-colour 1" in page.texts["provenance"]
    assert re.fullmatch(r"[0-9a-f]{64}", page.row("model.onnx")[1])
    assert "8 files" in page.texts["provenance"]


def test_recodings_stand_side_by_side(recoded: Page) -> None:
    assert recoded.row("accuracy") == ["accuracy", "1.0000", "0.7500"]
    assert "25.00 % do not" in " ".join(recoded.texts["recodings"].split())


def test_a_former_evaluation_is_compared_with(recoded: Page) -> None:
    assert "Compared with mean-colour 1" in recoded.texts["comparison"]
    assert "the very same files" in recoded.texts["comparison"]
    assert [row for row in recoded.rows if row[0] == "accuracy"][1:] == [
        ["accuracy", "1.0000", "1.0000", "same"],
        ["accuracy", "0.7500", "0.7500", "same"],
    ]


def test_a_difference_says_whether_it_is_better(artifact: Path, tmp_path: Path) -> None:
    data = plain_set(tmp_path / "data")
    evaluated(artifact, data, tmp_path / "former")
    (data / "logo" / "brand" / "missed.png").unlink()
    former = str(tmp_path / "former" / "evaluation.json")
    page = Page(evaluated(artifact, data, tmp_path / "out", "--against", former))
    assert ["accuracy", "0.7500", "0.8571", "+0.1071 better"] in page.rows
    assert any(row[0] == "log loss" and row[-1].endswith(" better") for row in page.rows)
    assert "evaluated on different files" in page.texts["comparison"]


def test_any_number_of_classes_has_a_page_whatever_they_are_called(tmp_path: Path) -> None:
    labels = ("out_of_domain", "<b>$logo$", "flag")
    data = {f"{folder}/{name}.png": picture(BLUE) for folder in ("0", "1", "2") for name in "abc"}
    rows = [{"path": path, "label": labels[int(path[0])], "category": "<i>"} for path in data]
    examples = read_examples(write_set(tmp_path, data, rows))
    scores = [(0.7, 0.2, 0.1), (0.1, 0.7, 0.2), (0.2, 0.1, 0.7)]
    called = [0, 0, 0, 1, 1, 1, 2, 2, 0]  # the last flag is missed
    outcomes = [
        Outcome(example, scores[index], None) for example, index in zip(examples, called, strict=True)
    ]
    (tmp_path / "bare.keras").write_bytes(b"")
    artifact = Artifact(tmp_path / "bare.keras", "bare", "<u>", labels, ImageSpec(), {})
    aligned = align(outcomes, labels)
    document = make_document(artifact, examples, evaluate_scores(aligned, labels))
    page = Page(render_page(document, aligned, worst(outcomes, labels)))
    assert page.open == []
    assert {tag for tag, _ in page.elements} & {"b", "i", "u"} == set()
    assert page.row("<b>$logo$")[1:4] == ["1.0000", "1.0000", "1.0000"]
    assert page.row("flag")[1:4] == ["1.0000", "0.6667", "0.8000"]
    assert page.row("accuracy")[1] == "0.8889"
    assert "found where it is the likeliest" in page.texts["headline"]
    assert "called what they are where it is the likeliest" in page.texts["categories"]
    assert (
        "What one score means" not in page.texts["threshold"]
    )  # a bare file does not say at which base rate


def test_the_page_of_the_same_files_is_the_same_to_the_byte(
    artifact: Path, tmp_path: Path, text: str
) -> None:
    assert evaluated(artifact, plain_set(tmp_path / "data"), tmp_path / "out") == text
