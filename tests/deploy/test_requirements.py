"""The locks: pinned, hashed, without addresses, and of one mind about every version."""

import re
from pathlib import Path

import pytest

from tests.harness.process import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_there_is_a_lock_per_extra() -> None:
    extras = ["dev", "grpc", "int8", "keras", "pipelines", "runtime", "search", "spark", "studio", "train"]
    assert [path.stem for path in LOCKS] == extras


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_requirement_is_pinned_with_a_hash_and_no_address(path: Path) -> None:
    text = path.read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 40
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement, re.DOTALL), requirement
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_all_locks_agree_on_every_version() -> None:
    agreed: dict[str, str] = {}
    for path in LOCKS:
        for name, version in pins(path.read_text()).items():
            assert agreed.setdefault(name, version) == version, f"{name} in {path.name}"
