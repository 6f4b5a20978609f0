"""The answers of V1: what callers get as JSON, as types; results in, an answer and its status out.

`openapi` derives the schemas of the answers from these types.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from logo_detection.decode.header import Format
from logo_detection.errors import ItemError, item_codes
from logo_detection.heat_map import MAX_SIDE, OVERLAY_SIDE
from logo_detection.pool.messages import Explanation
from logo_detection.scoring import SCORE_DECIMALS
from model_server.errors import status_of_items
from model_server.schema import ItemResult, PredictRequest, Score, Timing

SECONDS_DECIMALS = 6
LOGIT_DECIMALS = 4

Probability = Annotated[float, Field(ge=0, le=1, description="Of four decimals.")]
Seconds = Annotated[float, Field(ge=0)]
Side = Annotated[int, Field(ge=1, description="Pixels.")]
Places = Annotated[int, Field(ge=1, le=MAX_SIDE)]
ErrorCode = Annotated[
    str, Field(json_schema_extra={"enum": list(item_codes())}, description="The list is closed.")
]

Latency = TypedDict("Latency", {"preprocess (s)": Seconds, "predict (s)": Seconds, "total (s)": Seconds})
FileLatency = TypedDict(
    "FileLatency", {"fetch (s)": Seconds, "queue (s)": Seconds, "decode (s)": Seconds, "score (s)": Seconds}
)


class FileError(TypedDict):
    code: ErrorCode
    message: str


class ScoredFile(TypedDict):
    filename: str
    target: str
    prediction: Probability
    out_of_domain: Probability
    scores: NotRequired[dict[str, Probability]]
    format: NotRequired[Format]
    width: NotRequired[Side]
    height: NotRequired[Side]
    latency: NotRequired[FileLatency]


class HeatMap(TypedDict):
    width: Places
    height: Places
    values: Annotated[
        list[list[Annotated[float, Field(description="In logits, of four decimals.")]]],
        Field(
            description=(
                "Row by row. Their mean, plus the difference of the two classes' biases, is the difference "
                "between the logits of `target` and `out_of_domain`."
            )
        ),
    ]


class ExplainedFile(ScoredFile):
    heat_map: HeatMap
    overlay: Annotated[
        str,
        Field(
            description=(
                f"The picture as it was scored, in grey, and the heat map over it: a PNG of {OVERLAY_SIDE} x "
                f"{OVERLAY_SIDE}, in base64. Vermilion speaks for the target, blue against it."
            ),
            json_schema_extra={"contentEncoding": "base64", "contentMediaType": "image/png"},
        ),
    ]


class FailedFile(TypedDict):
    filename: str
    target: str
    error: FileError
    latency: NotRequired[FileLatency]


class PredictResponse(TypedDict):
    """At least one file was scored."""

    predictions: list[ScoredFile | FailedFile]
    latency: Latency


class ExplainResponse(TypedDict):
    """At least one file was scored and explained."""

    predictions: list[ExplainedFile | FailedFile]
    latency: Latency


class Unscored(TypedDict):
    """No file was scored."""

    error: str
    predictions: list[FailedFile]
    latency: Latency


class Refusal(TypedDict):
    """The whole request is refused."""

    error: str


def render_response(
    results: Sequence[ItemResult], latency: Latency, request: PredictRequest, labels: Sequence[str]
) -> tuple[HTTPStatus, PredictResponse | ExplainResponse | Unscored]:
    """The status and the JSON of the answer: one prediction per result, in their order."""
    status = status_of_items([result.code for result in results])
    if status == HTTPStatus.OK:
        return status, {
            "predictions": [_prediction(result, request, labels) for result in results],
            "latency": latency,
        }
    failed = [
        _failed(result, result.outcome, debug=request.debug)
        for result in results
        if isinstance(result.outcome, ItemError)
    ]
    return status, {
        "error": f"{describe_unscored(results)}; see predictions",
        "predictions": failed,
        "latency": latency,
    }


def measure_latency(results: Sequence[ItemResult], total_s: float) -> Latency:
    """What a request took: its wall time, and the longest of each pair of stages among its files."""
    timings = [result.timing for result in results]
    return {
        "preprocess (s)": _seconds(max(timing.fetch_s + timing.decode_s for timing in timings)),
        "predict (s)": _seconds(max(timing.queue_s + timing.score_s for timing in timings)),
        "total (s)": _seconds(total_s),
    }


def describe_unscored(results: Sequence[ItemResult]) -> str:
    """Why a request came to no score at all, in the codes of its files."""
    codes = sorted({result.code for result in results if result.code})
    return f"no file could be scored ({', '.join(codes)})"


def round_score(score: float) -> float:
    """A probability as every protocol answers it."""
    return round(score, SCORE_DECIMALS)


def _prediction(
    result: ItemResult, request: PredictRequest, labels: Sequence[str]
) -> ScoredFile | ExplainedFile | FailedFile:
    if isinstance(result.outcome, ItemError):
        return _failed(result, result.outcome, debug=request.debug)
    return _scored(result, result.outcome, request, labels)


def _scored(
    result: ItemResult, score: Score, request: PredictRequest, labels: Sequence[str]
) -> ScoredFile | ExplainedFile:
    answer: ScoredFile = {
        "filename": result.item.filename,
        "target": result.item.target,
        "prediction": round_score(score.target),
        "out_of_domain": round_score(score.out_of_domain),
    }
    if request.all_scores:
        answer["scores"] = dict(zip(labels, map(round_score, score.classes), strict=True))
    if request.debug:
        answer["format"], answer["width"], answer["height"] = Format(score.format), score.width, score.height
        answer["latency"] = _file_latency(result.timing)
    return _explained(answer, score.explanation) if score.explanation else answer


def _explained(answer: ScoredFile, explanation: Explanation) -> ExplainedFile:
    rows = [[round(value, LOGIT_DECIMALS) for value in row] for row in explanation.values]
    heat_map: HeatMap = {"width": len(rows[0]), "height": len(rows), "values": rows}
    return {**answer, "heat_map": heat_map, "overlay": explanation.overlay}


def _failed(result: ItemResult, error: ItemError, *, debug: bool) -> FailedFile:
    answer: FailedFile = {
        "filename": result.item.filename,
        "target": result.item.target,
        "error": {"code": error.code, "message": error.message},
    }
    if debug:
        answer["latency"] = _file_latency(result.timing)
    return answer


def _file_latency(timing: Timing) -> FileLatency:
    return {
        "fetch (s)": _seconds(timing.fetch_s),
        "queue (s)": _seconds(timing.queue_s),
        "decode (s)": _seconds(timing.decode_s),
        "score (s)": _seconds(timing.score_s),
    }


def _seconds(value: float) -> float:
    return round(value, SECONDS_DECIMALS)
