"""Git repositories for tests, made by git itself: real objects, without anybody's configuration."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": "test@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
    **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}


def git(repository: Path, *arguments: str) -> str:
    """What a git command in a repository writes, less the last line's end."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()


def make_repository(path: Path, files: Mapping[str, bytes]) -> str:
    """Make an ordinary repository with one commit of these files; the commit's id.

    Others may fetch any commit and any blob of it, as from GitHub.
    """
    path.mkdir(parents=True, exist_ok=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    git(path, "config", "uploadpack.allowFilter", "true")
    git(path, "config", "uploadpack.allowAnySHA1InWant", "true")
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return commit_all(path)


def commit_all(path: Path) -> str:
    """Commit what is in the work tree, beside what is in the index already; the commit's id."""
    git(path, "add", "--all", ".")
    return commit_index(path)


def commit_index(path: Path) -> str:
    git(path, "commit", "--quiet", "--allow-empty", "--message", "test")
    return git(path, "rev-parse", "HEAD")


def delete_blob(repository: Path, blob: str) -> None:
    """Take the content of a file out of a repository, as someone who thins it out."""
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
