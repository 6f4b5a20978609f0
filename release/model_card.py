"""The model card: what a model was made of, how well it does, and what it cannot do.

Its numbers are those of the evaluation that the manifest holds, `Evaluation.as_dict()`; `logo-evaluate`
writes the same ones from the artifact and the images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.base_rates import share_of
from evaluation.report import cell, headline_table, kinds_tables, rates_table, remarks, when_predicted
from logo_detection.artifact import OUT_OF_DOMAIN, Calibration
from logo_detection.decode.spec import ImageSpec

NAME = "MODEL_CARD.md"

SHOWN_THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)

BASE_RATE_LIMIT = (
    "The probability holds where the share of logos is that above. Where few are, as on Commons, most images "
    "above 0.5 are none: choose a threshold for the base rate at hand."
)
CLASSES_LIMIT = (
    "Probabilities hold where every class is as frequent as that above. Of what shows none of them, the "
    "model still says that it is one, unless it was trained with out_of_domain."
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the manifest and the model card say of a model, beside its files.

    Attributes:
        name: Of the model.
        version: Of the model.
        labels: In the order of the output.
        spec: What its input is.
        calibration: The base rate for which its probabilities hold, and the temperature that made them.
        training: `commit`, `recipe`, and `sources`: a count by source for `training` and `validation`.
        metrics: `validation`: an `Evaluation.as_dict()`, once there is one. `calibration`, if it was
            measured: `ece_before` and `ece_after` the temperature, with the classes weighed equally.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    spec: ImageSpec
    calibration: Calibration
    training: dict[str, Any]
    metrics: dict[str, Any]


def render_card(facts: Facts) -> str:
    """Markdown, from the same facts as the manifest."""
    sections = [_what_it_is(facts), _made_of(facts.training)]
    if evaluation := facts.metrics.get("validation"):
        sections += [_how_good(evaluation), _few_false_alarms(evaluation)]
        if _is_of_logos(facts):
            sections.append(_where_rare(evaluation))
    return "\n".join([*sections, _calibration(facts), _limits(facts)])


def _is_of_logos(facts: Facts) -> bool:
    return set(facts.labels) == {OUT_OF_DOMAIN, "logo"}


def _limits(facts: Facts) -> str:
    """What the recipe says of its images, and what holds for any."""
    stated = facts.training.get("recipe", {}).get("limits", [])
    limits = [*stated, BASE_RATE_LIMIT if _is_of_logos(facts) else CLASSES_LIMIT]
    return "## Limits\n\n" + "".join(f"- {limit}\n" for limit in limits)


def _what_it_is(facts: Facts) -> str:
    height, width = facts.spec.height, facts.spec.width
    labels = ", ".join(f"`{cell(label)}`" for label in facts.labels)
    backbone = facts.training.get("recipe", {}).get("backbone")
    made = f" Its backbone is {backbone}." if backbone else ""
    question, share = "Which of its classes does an image show?", "Share of each class"
    if _is_of_logos(facts):
        question, share = "How likely is an image a logo?", "Share of logos"
    return f"""\
# {facts.name} {facts.version}

{question}{made}

- Input: `float32[N, {height}, {width}, 3]`, RGB, 0..255, squashed to that size.
- Output: `float32[N, {len(facts.labels)}]`, probabilities of {labels}.
- {share} for which the probabilities hold: {facts.calibration.base_rate:g}.
"""


def _made_of(training: Mapping[str, Any]) -> str:
    sources, recipe = training.get("sources", {}), training.get("recipe", {})
    return "\n".join(
        [
            "## Trained on",
            "",
            *_sources(sources.get("training", {})),
            *_drawn(recipe.get("drawn", {})),
            "## Validated on",
            "",
            "No brand or other group of these was trained on; of a source that is above, too, others were.",
            "",
            *_sources(sources.get("validation", {})),
            *_drawn(recipe.get("drawn_validation", {})),
        ]
    )


def _sources(counts: Mapping[str, int]) -> list[str]:
    rows = [f"| {cell(source)} | {count:,} |" for source, count in counts.items()]
    return ["| source | images |", "| --- | ---: |", *rows, ""] if rows else []


def _drawn(counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    kinds = ", ".join(f"{count:,} {category}" for category, count in counts.items())
    return [f"And {sum(counts.values()):,} generated pictures, none of them a logo: {kinds}.", ""]


def _how_good(evaluation: Mapping[str, Any]) -> str:
    by_recoding = {cell(name): metrics for name, metrics in evaluation["by_recoding"].items()}
    headings = "".join(f" {name} | 95 % interval |" for name in by_recoding)
    lines = [f"| category | images |{headings}", f"| --- | ---: |{' ---: | ---: |' * len(by_recoding)}"]
    first = next(iter(by_recoding.values()))
    for category, part in first["by_category"].items():
        parts = [metrics["by_category"][category] for metrics in by_recoding.values()]
        shares = "".join(f" {of['share']:.1%} | {of['low']:.1%} to {of['high']:.1%} |" for of in parts)
        lines.append(f"| {cell(category)} | {part['of']:,} |{shares}")
    said = "\n\n".join(remarks(evaluation))
    return f"""\
## Metrics

{headline_table(evaluation)}
{said}

Right {when_predicted(evaluation)}, by category:

{_joined(lines)}
"""


def _few_false_alarms(evaluation: Mapping[str, Any]) -> str:
    kinds = "\n".join(kinds_tables(evaluation))
    by_kind = f"\nRight (found, or left alone) at each rate, and who makes the false alarms:\n\n{kinds}"
    return f"""\
## Few false alarms

The lowest threshold that keeps to a rate of false alarms among the others of this set, and what it finds.
The thresholds of all images are in the manifest, as information: the service decides nothing by them.

{rates_table(evaluation)}{by_kind if kinds else ""}"""


def _where_rare(evaluation: Mapping[str, Any]) -> str:
    recoding, metrics = next(iter(evaluation["by_recoding"].items()))
    points = [point for point in metrics["operating_points"] if point["threshold"] in SHOWN_THRESHOLDS]
    rates = [f"{alarms['base_rate']:.2%}" for alarms in points[0]["at"]]
    headings = "".join(f" precision at {rate} | alarms at {rate} |" for rate in rates)
    lines = [
        f"| threshold | found | false alarms |{headings}",
        f"| ---: | ---: | ---: |{' ---: | ---: |' * len(rates)}",
        *(_operating_point(point) for point in points),
    ]
    others, name = points[0]["false_alarms"]["of"], cell(recoding)
    return f"""\
## Where logos are rare

Of the uploads to Commons, 0.13 to 0.5 % are logos. Alarms are per 100,000 uploads, true + false; in brackets
is what the 95 % intervals allow. False alarms were counted among the {others:,} others of this set ({name}):
where none was seen, the true rate may still be {share_of(0, others).high:.2%}. And uploads are another mix.

{_joined(lines)}
"""


def _operating_point(point: Mapping[str, Any]) -> str:
    false = point["false_alarms"]
    cells = [
        f"{point['threshold']:g}",
        f"{point['recall']['share']:.1%}",
        f"{false['count']:,} ({false['low']:.2%} to {false['high']:.2%})",
    ]
    for alarms in point["at"]:
        low, high = alarms["precision_low"], alarms["precision_high"]
        counted = f"{alarms['precision']:.1%} ({low:.1%} to {high:.1%})"
        raised = f"{alarms['true_alarms']:,.0f} + {alarms['false_alarms']:,.0f}"
        cells += [
            counted if false["count"] else f"at least {low:.1%}",
            f"{raised} (up to {alarms['false_alarms_high']:,.0f})",
        ]
    return f"| {' | '.join(cells)} |"


def _calibration(facts: Facts) -> str:
    lines = [f"- Temperature, folded into the last layer: {facts.calibration.temperature:.3f}."]
    if errors := facts.metrics.get("calibration"):
        before, after = errors["ece_before"], errors["ece_after"]
        lines.append(
            f"- Expected calibration error, classes weighed equally: {before:.4f} without a temperature,"
            f" {after:.4f} with one, on images that it was not fitted on; it is 1 where it does not help."
        )
    return f"## Calibration\n\n{_joined(lines)}\n"


def _joined(lines: list[str]) -> str:
    return "\n".join(lines)
