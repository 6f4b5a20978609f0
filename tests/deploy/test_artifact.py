"""The committed artifact: small enough to be cloned, and nothing in it that the manifest does not name."""

from logo_detection.artifact import MANIFEST, read_manifest
from tests.harness.process import ROOT

COMMITTED = ROOT / "model_artifacts" / "logo-detection"
MAX_COMMITTED_BYTES = 25_000_000  # per file: every clone carries every version of it


def test_no_committed_file_is_too_large_to_clone() -> None:
    sizes = {path.name: path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()}
    assert {name: size for name, size in sizes.items() if size > MAX_COMMITTED_BYTES} == {}


def test_the_manifest_names_every_file() -> None:
    files = {path.relative_to(COMMITTED).as_posix() for path in COMMITTED.rglob("*") if path.is_file()}
    assert files - {MANIFEST} == set(read_manifest(COMMITTED).files)
