"""Settings: what the environment says, and what the page says of it."""

import re
from pathlib import Path

import pytest

from studio.settings import PREFIX, Settings, SettingsInvalid, read_settings, unknown_settings
from tests.harness.process import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "studio.md").read_text()
TABLE = dict(re.findall(r"^\| `(STUDIO_[A-Z_]+)` \| ([^|]+?) \|", PAGE, re.M))
COMPUTED = {"STUDIO_WORKERS"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def shown(value: object) -> str:
    match value:
        case None | "":
            return "(none)"
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(map(str, value))
    return str(value)


def test_the_page_has_every_setting_with_its_default_and_no_other() -> None:
    settings = read_settings()
    expected = {PREFIX + name.upper(): shown(getattr(settings, name)) for name in Settings.model_fields}
    assert TABLE.keys() == expected.keys()
    for name in expected.keys() - COMPUTED:
        assert TABLE[name].strip("`") == expected[name], name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "http"),
        ("SECRET_KEY", "short"),
        ("WORKERS", "0"),
        ("SESSION_S", "-1"),
        ("CONTACT", "nobody"),
        ("SOURCE_HOSTS", "https://a.example"),
        ("COMMONS_IMAGE_HOSTS", "a b"),
    ],
)
def test_a_setting_that_is_not_usable_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsInvalid, match=PREFIX + name):
        read_settings()


def test_other_machines_are_served_behind_https_alone() -> None:
    with pytest.raises(SettingsInvalid, match="STUDIO_HOST"):
        read_settings(host="0.0.0.0")
    assert read_settings(host="0.0.0.0", https=True).https


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_is_served_without(host: str) -> None:
    assert read_settings(host=host).is_local


def test_names_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_NAMES", "studio.example, localhost,")
    assert read_settings().names == ("studio.example", "localhost")


def test_the_data_are_kept_out_of_the_repository() -> None:
    assert f"/{Path(TABLE['STUDIO_DATA'].strip('`'))}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_a_misspelt_setting_gets_a_line_with_the_right_name() -> None:
    variables = ["STUDIO_DATABASE", "STUDIO_HTTP", "STUDIO_DATA", "HTTPS", "PORTS"]
    assert unknown_settings(variables) == [
        "STUDIO_DATABASE is no setting, and has no effect; did you mean STUDIO_DATABASE_URL?",
        "STUDIO_HTTP is no setting, and has no effect; did you mean STUDIO_HTTPS?",
    ]
