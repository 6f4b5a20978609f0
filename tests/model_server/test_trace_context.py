import pytest

from model_server.trace_context import continue_trace

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01-x"]
)
def test_a_trace_is_continued_in_a_place_of_its_own(header: str) -> None:
    trace = continue_trace(header.encode())
    assert trace is not None
    assert (trace.trace_id, trace.flags) == (TRACE, "01")
    assert trace.span_id not in (PARENT, "0" * 16)
    assert trace.headers == {"traceparent": f"00-{TRACE}-{trace.span_id}-01"}
    assert continue_trace(trace.headers["traceparent"].encode()) is not None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01-x",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\r\nX: y",
        f"00-{TRACE}-{PARENT}",
    ],
)
def test_what_is_no_trace_is_passed_over(header: str) -> None:
    assert continue_trace(header.encode()) is None
