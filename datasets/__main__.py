"""The command `logo-import`: categories of a wiki, or, as `logo-import git`, images of git repositories."""

import sys
from collections.abc import Sequence

from datasets import commons, repositories


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the importer that the first argument names; a wiki's where it names none."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return repositories.main(given[1:]) if given[:1] == ["git"] else commons.main(given)


if __name__ == "__main__":
    raise SystemExit(main())
