import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from batch.listing import json_document, text_table
from batch.target import Target
from logo_detection.errors import ImageTimeout
from logo_detection.pool.messages import Scored
from logo_detection.scoring import Result

TARGET = Target("logo", ("flag", "logo", "out_of_domain"))
SCORED = Scored((0.2, 0.70004, 0.09996), "png", 120, 64, 0.0, 0.0, 0.0)


@settings(max_examples=100)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1)))
def test_json_gives_every_name_back(names: list[str]) -> None:
    out = io.StringIO()
    with json_document(out, TARGET) as add:
        for name in names:
            add(Result(name, SCORED))
    assert [answer["filename"] for answer in json.loads(out.getvalue())] == names


def test_scores_are_found_by_label() -> None:
    out = io.StringIO()
    with json_document(out, TARGET) as add:
        add(Result("a", SCORED))
        add(Result("b", ImageTimeout()))
    assert json.loads(out.getvalue()) == [
        {"filename": "a", "target": "logo", "prediction": 0.7, "out_of_domain": 0.1},
        {
            "filename": "b",
            "target": "logo",
            "error": {"code": "image_timeout", "message": ImageTimeout.default_message},
        },
    ]


@settings(max_examples=100)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_no_name_does_anything_to_the_table(name: str) -> None:
    out = io.StringIO()
    with text_table(out, TARGET) as add:
        add(Result(name, SCORED))
        add(Result(name, ImageTimeout()))
    lines = out.getvalue().split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert lines[1].startswith("    0.7000         0.1000  png          120x64  ")
    assert lines[2].startswith("image_timeout                                   ")
    assert lines[1][48:] == lines[2][48:]
