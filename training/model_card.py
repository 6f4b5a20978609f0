"""The model card: what a model was made of, how well it does, and what it cannot do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from logo_detection.image import ImageSpec

NAME = "MODEL_CARD.md"

LIMITS = """\
- The photos, flags and screenshots come from few collections, and the charts, maps, documents, coats of arms
  and drawings from the project's own generators. Real ones vary more. The validation numbers of generated
  categories are of generated pictures, with other seeds, half of them of kinds that training never showed.
- What a logo is, the logo collections decide: marks of companies and software projects, mostly in Latin
  letters. Crests of clubs, emblems of authorities and signatures were not taught.
- A photo of a shop's sign is a photo here; a screenshot with a logo in it is a screenshot.
- Flags, road signs and simple icons are drawn like logos, and are taken for them more often than photos are.
- The probability holds where half of the images are logos. Where few are, as on Commons, most images above
  0.5 are none: choose a threshold for the base rate at hand.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the manifest and the model card say of a model, beside its files."""

    name: str
    version: str
    labels: tuple[str, ...]
    spec: ImageSpec
    base_rate: float
    training: dict[str, Any]
    metrics: dict[str, Any]


def render(facts: Facts) -> str:
    """Markdown, from the same facts as the manifest."""
    height, width = facts.spec.height, facts.spec.width
    labels = ", ".join(f"`{label}`" for label in facts.labels)
    return "\n".join(
        [
            f"# {facts.name} {facts.version}",
            "",
            "How likely is an image a logo? EfficientNetV2-B0, trained from scratch by this project.",
            "",
            f"- Input: `float32[N, {height}, {width}, 3]`, RGB, 0..255, squashed to that size.",
            f"- Output: `float32[N, {len(facts.labels)}]`, probabilities of {labels}.",
            f"- Share of logos for which the probabilities hold: {facts.base_rate:g}.",
            "",
            "## Trained on",
            "",
            *_sources(facts.training.get("sources", {}).get("training", {})),
            *_drawn(facts.training.get("recipe", {}).get("drawn", {})),
            "## Validated on",
            "",
            "Sources and groups that training never saw; brands that it saw are left out.",
            "",
            *_sources(facts.training.get("sources", {}).get("validation", {})),
            *_drawn(facts.training.get("recipe", {}).get("drawn_validation", {})),
            *_metrics(facts.metrics.get("validation", {})),
            "## Limits",
            "",
            LIMITS,
        ]
    )


def _sources(counts: Mapping[str, int]) -> list[str]:
    rows = [f"| {source} | {count:,} |" for source, count in counts.items()]
    return ["| source | images |", "| --- | ---: |", *rows, ""] if rows else []


def _drawn(counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    kinds = ", ".join(f"{count:,} {category}" for category, count in counts.items())
    return [f"And {sum(counts.values()):,} generated pictures, none of them a logo: {kinds}.", ""]


def _metrics(report: Mapping[str, Any]) -> list[str]:
    by_recoding = report.get("by_recoding", {})
    if not by_recoding:
        return []
    columns = list(by_recoding.values())
    lines = [f"| | {' | '.join(by_recoding)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name, value in columns[0].items():
        if isinstance(value, int | float):
            values = " | ".join(_number(column[name]) for column in columns)
            lines.append(f"| {name.replace('_', ' ')} | {values} |")
    for category, recall in columns[0]["recall_by_category"].items():
        shares = [f"{column['recall_by_category'][category]['share']:.1%}" for column in columns]
        lines.append(f"| {category}: right at 0.5, of {recall['images']} | {' | '.join(shares)} |")
    flips = f"PNG and JPEG of one image are called differently in {report['recoding_flips']:.1%} of cases."
    return [*lines, "", flips, ""]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
