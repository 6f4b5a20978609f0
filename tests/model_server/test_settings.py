import re
from pathlib import Path

import pytest

from model_server.settings import (
    Settings,
    SettingsError,
    ineffective_timeouts,
    misspelt_settings,
    read_settings,
)

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


def documented() -> dict[str, str]:
    settings = DOCS.read_text().split("## Settings")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \|", settings, re.MULTILINE))


def as_documented(value: object) -> str:
    if value is None or value == ():
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    settings = read_settings()
    defaults = {name.upper(): as_documented(getattr(settings, name)) for name in Settings.model_fields}
    defaults["WORKERS"] = "cores of the cgroup"
    assert documented() == defaults


def test_a_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.setenv("FETCH_TIMEOUT_S", "0.5")
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example,b.example/x/")
    settings = read_settings()
    assert (settings.port, settings.fetch_timeout_s) == (9001, 0.5)
    assert len(settings.allowed_hosts) == 2


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("FETCH_HEADERS_FILE", "")
    settings = read_settings()
    assert (settings.port, settings.fetch_headers_file) == (8080, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("WORKERS", "-1"),
        ("FETCH_TIMEOUT_S", "0"),
        ("REQUEST_TIMEOUT_S", "inf"),
        ("DECODE_TIMEOUT_S", "nan"),
        ("IMAGE_MAX_SIZE", "4MB"),
        ("RUNTIME", "onnx"),
        ("LOG_FORMAT", "xml"),
        ("MODEL_NAME", "a/b"),
        ("MODEL_PATH", "s3://models/logo-detection/2.0.0"),
        ("ALLOWED_HOSTS", "https://a.example"),
        ("ORIGIN_OVERRIDES", "a.example"),
    ],
)
def test_an_unusable_setting_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as failure:
        read_settings()
    assert str(failure.value).startswith(f"{name}: ")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("given", "derived"),
    [
        ({}, (134217728, 200)),
        ({"BODY_MAX_SIZE": "1000000000"}, (2000000000, 200)),
        ({"FETCH_MAX_SIZE": "100000000"}, (200000000, 200)),
        ({"BODY_MAX_SIZE": "1000", "FETCH_MAX_SIZE": "1000"}, (134217728, 200)),
        ({"IMAGES_MAX_NUM": "201"}, (134217728, 804)),
        ({"IMAGES_MAX_NUM": "5"}, (134217728, 200)),
        ({"FETCH_MEMORY_MAX": "100000000", "QUEUE_MAX_IMAGES": "50"}, (100000000, 50)),
    ],
)
def test_limits_that_are_not_set_follow_from_others(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], derived: tuple[int, int]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert (settings.fetch_memory_max, settings.queue_max_images) == derived


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"BODY_MAX_SIZE": "7000", "FETCH_MEMORY_MAX": "6900"},
            "BODY_MAX_SIZE: 7000 may not exceed FETCH_MEMORY_MAX, 6900; leave that unset, and it follows",
        ),
        (
            {"BODY_MAX_SIZE": "1", "FETCH_MAX_SIZE": "7000", "FETCH_MEMORY_MAX": "6900"},
            "FETCH_MAX_SIZE: 7000 may not exceed FETCH_MEMORY_MAX, 6900; leave that unset, and it follows",
        ),
        (
            {"IMAGES_MAX_NUM": "60", "QUEUE_MAX_IMAGES": "50"},
            "IMAGES_MAX_NUM: 60 may not exceed QUEUE_MAX_IMAGES, 50; leave that unset, and it follows",
        ),
    ],
)
def test_limits_that_contradict_each_other_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], line: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as failure:
        read_settings()
    assert str(failure.value) == line


@pytest.mark.parametrize("name", ["MODEL_PATH", "ALLOWED_HOSTS"])
def test_what_would_widen_when_it_is_empty_may_not_be_empty(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    with pytest.raises(
        SettingsError, match=rf"^{name}: it is empty; give it a value( \(a comma for no host\))?, or unset it"
    ):
        read_settings()


def test_a_timeout_that_the_requests_own_one_ends_before_gets_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ineffective_timeouts(read_settings()) == []
    monkeypatch.setenv("REQUEST_TIMEOUT_S", "4")
    (line,) = ineffective_timeouts(read_settings())
    assert line.startswith("FETCH_TIMEOUT_S: 5 s is not below REQUEST_TIMEOUT_S, 4 s")
    monkeypatch.setenv("REQUEST_TIMEOUT_S", "3")
    assert len(ineffective_timeouts(read_settings())) == 2


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("WORKER", "WORKERS"),
        ("REQUEST_TIMEOUT", "REQUEST_TIMEOUT_S"),
        ("FETCH_TIMEOUT_MS", "FETCH_TIMEOUT_S"),
        ("IMAGES_MAX_SIZE", "IMAGE_MAX_SIZE"),
        ("LOGFORMAT", "LOG_FORMAT"),
        ("FETCH_HEADERS", "FETCH_HEADERS_FILE"),
    ],
)
def test_a_misspelt_setting_gets_a_line_with_the_right_name(variable: str, setting: str) -> None:
    line = f"{variable} is no setting, and has no effect; did you mean {setting}?"
    assert misspelt_settings([variable]) == [line]


def test_settings_and_the_variables_of_a_cluster_are_not_misspelt() -> None:
    clusters = [
        "HOSTNAME",
        "HTTP_PORT",
        "KUBERNETES_PORT",
        "LOGO_DETECTION_PORT",
        "MODEL_VERSION",
        "STORAGE_URI",
    ]
    assert misspelt_settings([*clusters, *(name.upper() for name in Settings.model_fields)]) == []
    assert misspelt_settings(["workers"]) == []  # the names' case does not matter


def test_an_origin_of_a_host_that_is_not_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_OVERRIDES", "comons.wikimedia.org=http://127.0.0.1:6101")
    with pytest.raises(
        SettingsError, match=r"^ORIGIN_OVERRIDES: comons\.wikimedia\.org is no host of ALLOWED_HOSTS$"
    ):
        read_settings()


def test_a_url_in_the_place_of_an_allowed_host_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example,https://b.example")
    with pytest.raises(SettingsError, match=r"^ALLOWED_HOSTS: 'https://b\.example' is a URL: give its host"):
        read_settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().port = 1
