"""docs/architecture.md names the packages and modules that there are."""

import re
import tomllib

import pytest

from tests.harness.process import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
TABLE = PAGE.split("## Packages")[1].split("\n\n")[1]
PACKAGES = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", TABLE, re.MULTILINE))


def modules(package: str) -> set[str]:
    """The modules of a package that stand in no package below it."""
    files = ROOT.joinpath(*package.split(".")).glob("*.py")
    return {path.stem for path in files} - {"__init__", "__main__"}


def test_every_package_and_module_of_the_table_exists() -> None:
    for package, text in PACKAGES.items():
        assert ROOT.joinpath(*package.split("."), "__init__.py").exists(), package
        assert set(re.findall(r"`(\w+)`", text)) <= modules(package), package


@pytest.mark.parametrize(
    "package", [name for name in PACKAGES if name.split(".")[0] in ("logo_detection", "model_server")]
)
def test_every_module_that_serves_is_in_the_table(package: str) -> None:
    assert set(re.findall(r"`(\w+)`", PACKAGES[package])) == modules(package)


def test_every_package_under_a_contract_is_in_the_table_and_no_other_but_the_benchmarks() -> None:
    roots = set(CONTRACTS["root_packages"])
    assert {name.split(".")[0] for name in PACKAGES} == roots | {"benchmarks"}
    below = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for root in roots
        for path in (ROOT / root).glob("*/__init__.py")
    }
    assert below <= set(PACKAGES)


def test_the_direction_of_imports_is_the_contracts() -> None:
    layers = next(each["layers"] for each in CONTRACTS["contracts"] if each["name"] == "Rooms import one way")
    (sentence,) = re.findall(
        r"holds the direction of imports \(`pyproject.toml`\): (.+?)\.\s", PAGE, re.DOTALL
    )
    named = [re.findall(r"`(\w+)`", layer) for layer in sentence.split(">")]
    assert named == [layer.split(" | ") for layer in layers]


def test_every_name_in_the_diagram_is_a_package_or_module() -> None:
    diagram = PAGE.split("```")[1]
    names = re.findall(r"^ ([a-z_]+(?:\.[a-z_]+)+) ─", diagram, re.MULTILINE)
    assert len(names) == 7
    for name in names:
        path = ROOT.joinpath(*name.split("."))
        assert path.is_dir() or path.with_suffix(".py").exists(), name
