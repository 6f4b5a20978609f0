"""The stages of a request: where its time went, for its line of log."""

from collections.abc import Sequence

from model_server.schema import ItemResult, Timing

DECIMALS = 4
STAGES = ("fetch_s", "queue_s", "decode_s", "score_s")


def describe_stages(results: Sequence[ItemResult]) -> dict[str, float]:
    """The longest and the sum of each stage over a request's files, in seconds; and what was fetched."""
    timings = [result.timing for result in results]
    fields: dict[str, float] = {}
    for stage in STAGES:
        seconds = [getattr(timing, stage) for timing in timings]
        fields[stage] = round(max(seconds), DECIMALS)
        fields[f"{stage.removesuffix('_s')}_sum_s"] = round(sum(seconds), DECIMALS)
    return {
        **fields,
        "bytes": sum(timing.fetched_bytes for timing in timings),
        "attempts": sum(timing.attempts for timing in timings),
    }


def describe_slowest(results: Sequence[ItemResult]) -> dict[str, float]:
    """The place of the file that took longest, from 0, and its stages."""
    place, slowest = max(enumerate(result.timing for result in results), key=lambda one: _total_s(one[1]))
    stages = {stage: round(getattr(slowest, stage), DECIMALS) for stage in STAGES}
    return {"item": place, **stages, "bytes": slowest.fetched_bytes, "attempts": slowest.attempts}


def _total_s(timing: Timing) -> float:
    return timing.fetch_s + timing.queue_s + timing.decode_s + timing.score_s
