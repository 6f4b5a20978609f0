"""`make chart VALUES=…`: an operator's own values, rendered and validated."""

from pathlib import Path

import pytest
import yaml

from tests.manifests import CHART
from tests.render_chart import main

pytestmark = pytest.mark.slow  # helm comes with `make chart` and `make test-all`


def test_an_operators_values_become_valid_documents_in_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "of mine"
    assert main([str(CHART / "ci" / "plain-values.yaml"), "--out", str(out), "--kubernetes", "1.31"]) == 0
    documents = [yaml.safe_load(path.read_text()) for path in out.glob("*.yaml")]
    assert {"InferenceService", "NetworkPolicy"} < {document["kind"] for document in documents}
    said = capsys.readouterr().out
    assert f"{out}: {len(documents)} documents of helm v3." in said
    assert "valid for Kubernetes 1.31" in said


@pytest.mark.parametrize(
    ("values", "kubernetes", "line"),
    [
        ("timeoutSeconds: 12", "1.34", "timeoutSeconds: must exceed settings.REQUEST_TIMEOUT_S, or requests"),
        ("timeoutSecond: 12", "1.34", "timeoutSecond is not allowed"),
        ("image: {tag: x}", "1.99", "there are no schemas of Kubernetes 1.99; there are of 1."),
        (None, "1.34", "no such file: "),
    ],
)
def test_what_is_not_valid_is_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: str | None, kubernetes: str, line: str
) -> None:
    path = tmp_path / "mine.yaml"
    if values is not None:
        path.write_text(values)
    assert main([str(path), "--out", str(tmp_path / "out"), "--kubernetes", kubernetes]) == 2
    said = capsys.readouterr().err
    assert said.startswith("make chart: ")
    assert line in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
