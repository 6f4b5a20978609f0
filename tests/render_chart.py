"""`make chart VALUES=mine.yaml`: the chart with an operator's own values, each document validated."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import yaml
from kubernetes_validate.utils import all_versions

from logo_detection.commands import Parser, run_command
from logo_detection.errors import LogoDetectionError
from tests.manifests import KUBERNETES_VERSION, Document, Refused, render_for, run_helm, validate


class ChartRefused(LogoDetectionError):
    """The values, or what the chart makes of them, are not valid. One line, for the operator."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0: every document is valid and written; 2: nothing is written."""
    parser = Parser(prog="make chart", description="Render the chart with your values, and validate it.")
    option = parser.add_argument
    option("values", metavar="VALUES", type=Path, help="a values file, on top of the chart's own")
    option("--out", metavar="FOLDER", type=Path, default=Path("rendered"), help="default %(default)s")
    option(
        "--kubernetes",
        metavar="VERSION",
        default=KUBERNETES_VERSION,
        help="of the cluster, for the chart and its schemas (default %(default)s)",
    )
    options = parser.parse_args(arguments)
    return run_command(
        "make chart", partial(write_documents, options.values, options.out, options.kubernetes)
    )


def write_documents(values: Path, folder: Path, kubernetes: str) -> None:
    """Write a file for each document, when all of them are valid.

    Raises:
        ChartRefused: There is no such file, helm or a schema refuses something, or there are no schemas
            of that version of Kubernetes.
    """
    if not values.is_file():
        raise ChartRefused(f"no such file: {values}")
    known = [version.rpartition(".")[0] for version in all_versions()]
    if kubernetes not in known:
        raise ChartRefused(
            f"there are no schemas of Kubernetes {kubernetes}; there are of {known[0]} to {known[-1]}"
        )
    try:
        documents = render_for(kubernetes, values)
        for document in documents:
            _validate(document, kubernetes)
    except Refused as error:
        raise ChartRefused(_reason(str(error))) from error
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        name = f"{document['kind']}-{document['metadata']['name']}.yaml".lower()
        (folder / name).write_text(yaml.safe_dump(document, sort_keys=False))
    helm = run_helm("version", "--short").strip()
    sys.stdout.write(
        f"{folder}: {len(documents)} documents of helm {helm}, valid for Kubernetes {kubernetes}\n"
    )


def _validate(document: Document, kubernetes: str) -> None:
    try:
        validate(document, kubernetes)
    except Refused as error:
        raise Refused(f"{document['kind']} {document['metadata']['name']}: {error}") from error


def _reason(text: str) -> str:
    """What the chart itself says, behind where helm was; else what helm says."""
    lines = text.strip().splitlines()
    return lines[0].rpartition("error calling fail: ")[2].removeprefix("Error: ") + "".join(
        f" {line.strip()}" for line in lines[1:] if line.startswith("- ")
    )


if __name__ == "__main__":
    sys.exit(main())
