"""From the names of two categories to an artifact that is served: `make dry-run`.

The wiki is a synthetic stand-in for Commons (`tests.wiki`), on a free port. Everything else is real: the
commands, their processes, the training (of a network of 5,000 weights), the artifact, the server.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.process import ROOT, clean_environment
from tests.harness.server import running_server
from tests.wiki import WikiServer, mark, photo, small_commons

TIMEOUT_S = 300.0  # of a command
UNSEEN = 9_000  # seeds of pictures that are not on the wiki


def command(module: str, *arguments: object) -> None:
    """Run a command of the project as a user does; it must succeed."""
    print("$", module, *arguments)
    subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=clean_environment({}),
        check=True,
        timeout=TIMEOUT_S,
    )


# Each command has tests of its own, and tests/pipelines/test_launch.py goes from a manifest to a server.
@pytest.mark.soak
def test_two_categories_become_an_artifact_that_is_served(tmp_path: Path) -> None:
    data, run, recipe = tmp_path / "data", tmp_path / "run", ROOT / "training/recipes/quick.toml"
    with WikiServer(small_commons(60)) as wiki:
        command(
            "datasets.commons", "--api", wiki.api, "--contact", "ops@example.org", "--into", data,
            "--category", "logo=Category:Logos", "--category", "out_of_domain/photo=Category:Photographs",
        )  # fmt: skip
    command("training.train", "--data", data, "--recipe", recipe, "--run", run, "--workers", 2)
    command(
        "evaluation.evaluate", "--model", run / "artifact", "--data", run / "validation",
        "--output", tmp_path / "evaluation", "--workers", 2,
    )  # fmt: skip

    evaluated = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    published = json.loads((run / "artifact/manifest.json").read_text())["metrics"]["validation"]
    assert evaluated["evaluation"] == published
    for metrics in published["by_recoding"].values():
        assert all(metrics["by_category"][kind]["share"] > 0.7 for kind in ("logo", "photo")), metrics

    unseen = [mark(UNSEEN, 330), photo(UNSEEN + 1, 330)]
    instances = [
        {"filename": f"{index}.png", "image": base64.b64encode(data).decode(), "target": "logo"}
        for index, data in enumerate(unseen)
    ]
    with running_server(tmp_path / "stderr", MODEL_PATH=run / "artifact") as server:
        answer = server.predict(instances)
    print(answer.text)
    logo, other = (item["prediction"] for item in answer.json()["predictions"])
    assert logo > 0.5 > other
