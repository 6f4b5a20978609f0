"""The upload stash, by the command that classifies: the same fallbacks as the server's."""

import json
import subprocess
import sys
from pathlib import Path

from tests.harness.process import ROOT, clean_environment
from tests.images import one_colour
from tests.stash_wiki import HOST, MAX_SERVED_BYTES, OTHER, OWNER, PAGED, Stashed, StashWiki

TIMEOUT_S = 60
RED, BLUE = one_colour("red"), one_colour("blue")
RED_SCORE = 0.982


def classify(artifact: Path, wiki: StashWiki, headers: Path, keys: list[str]) -> list[object]:
    """The score of each stashed file, or the code of its error."""
    options = [
        *("--model", artifact, "--workers", 1, "--json", "--fetch-headers-file", headers),
        *("--allowed-hosts", HOST, "--origin-overrides", f"{HOST}={wiki.origin}"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "batch.classify", *map(str, options), *map(wiki.url, keys)],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    results = json.loads(done.stdout)
    return [result["error"]["code"] if "error" in result else result["prediction"] for result in results]


def test_a_stashed_file_that_is_refused_or_not_read_is_scored_by_its_thumbnail(
    artifact: Path, tmp_path: Path
) -> None:
    headers = tmp_path / "headers.json"
    with StashWiki() as wiki:
        wiki.files = {
            "1a.read.3.png": Stashed(RED, BLUE),
            "1a.refused.3.png": Stashed(BLUE + bytes(MAX_SERVED_BYTES), RED, width=300),
            "1a.unread.3.djvu": Stashed(b"AT&TFORM\0\0\1\0DJVMDIRM", RED, names=PAGED),
            "1a.none.3.xcf": Stashed(b"gimp xcf v011\0", RED, width=1),
        }
        headers.write_text(json.dumps({HOST: {"Cookie": OWNER}}))
        scores = classify(artifact, wiki, headers, list(wiki.files))
        assert scores == [RED_SCORE, RED_SCORE, RED_SCORE, "image_unsupported"]
        headers.write_text(json.dumps({HOST: {"Cookie": OTHER}}))
        assert classify(artifact, wiki, headers, list(wiki.files)) == ["fetch_failed"] * len(wiki.files)
