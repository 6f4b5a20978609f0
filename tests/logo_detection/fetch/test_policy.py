import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logo_detection.errors import UrlNotAllowed
from logo_detection.fetch.policy import (
    AllowedHost,
    FetchPolicy,
    OriginOverride,
    parse_allowed_hosts,
    parse_origin_overrides,
    read_fetch_headers,
)
from logo_detection.fetch.url import parse_url


def policy(allowed_hosts: str, overrides: str = "") -> FetchPolicy:
    return FetchPolicy(
        allowed_hosts=parse_allowed_hosts(allowed_hosts), overrides=parse_origin_overrides(overrides)
    )


class TestAllowedHosts:
    def test_hosts_and_prefixes_are_read(self) -> None:
        assert parse_allowed_hosts("Commons.Wikimedia.org, b.example/x/y/,127.0.0.1,[::1]/z/,::1,") == (
            AllowedHost("commons.wikimedia.org"),
            AllowedHost("b.example", "/x/y/"),
            AllowedHost("127.0.0.1"),
            AllowedHost("::1", "/z/"),
            AllowedHost("::1"),
        )

    def test_they_are_written_as_they_are_read(self) -> None:
        text = "commons.wikimedia.org,b.example/x/"
        assert ",".join(str(host) for host in parse_allowed_hosts(text)) == text

    @pytest.mark.parametrize(
        "setting",
        [
            "https://a.example",
            "a.example:443",
            "a.example/x",
            "a.example/x/../",
            "a.example/%2e%2e/",
            "a.example/x/?y/",
            "*.example",
            ".example",
            "a..example",
            "a.example.",
            "-a.example",
            "user@a.example",
            "a b",
            "a\nb",
            "é.example",
            "[::1",
            "[a.b:80]",
            "fe80::1%eth0",
            "x" * 64,
            "/x/",
        ],
    )
    def test_anything_else_is_refused_in_one_line(self, setting: str) -> None:
        with pytest.raises(ValueError, match=r"host") as refusal:
            parse_allowed_hosts(setting)
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("url", "allowed"),
        [
            ("https://a.example/x/", True),
            ("https://a.example/x/y?z=/../", True),
            ("https://A.EXAMPLE/x/y", True),
            ("https://a.example:443/x/y", True),
            ("https://a.example/x//y", True),
            ("https://a.example/w/../x/y", True),  # what is asked for is /x/y
            ("https://a.example/X/y", False),
            ("https://a.example/x", False),
            ("https://a.example/xy", False),
            ("https://a.example/", False),
            ("https://a.example", False),
            ("https://a.example//x/y", False),
            ("https://a.example/x/../y", False),
            ("https://a.example/x/%2e%2e/y", False),
            ("https://a.example/x/.%2E/y", False),
            ("https://a.example/x%2fy", False),
            ("https://a.example/x/..%2fy", False),
            ("https://a.example/x/%2e%2e%2fy", False),
            ("https://a.example/x/%252e%252e/y", False),
            ("https://a.example/x/%25252e%25252e/y", False),
            ("https://a.example/x/..%5cy", False),
            ("https://a.example/x/..;/y", False),
            ("https://a.example/x/..;a=b/y", False),
            ("https://a.example/x/%c0%ae%c0%ae/y", False),
            ("https://a.example/x/%00", False),
            ("https://a.example/x/%0d%0a", False),
            ("http://a.example/x/y", False),
            ("https://a.example:8443/x/y", False),
            ("http://a.example:443/x/y", False),
            ("https://b.a.example/x/y", False),
            ("https://a.example.evil.example/x/y", False),
            ("https://evil.example/a.example/x/y", False),
        ],
    )
    def test_a_prefix_holds(self, url: str, allowed: bool) -> None:
        if allowed:
            assert policy("a.example/x/").route(parse_url(url)).url.raw_path.startswith("/x/")
        else:
            with pytest.raises(UrlNotAllowed):
                policy("a.example/x/").route(parse_url(url))

    @given(
        st.lists(
            st.sampled_from(["..", ".", "/", "%2e", "%2F", "%25", "%5c", ";", "x", "?", "y"]), max_size=12
        )
    )
    def test_no_reading_of_a_path_leaves_the_prefix(self, parts: list[str]) -> None:
        from posixpath import normpath
        from urllib.parse import unquote

        try:
            url = parse_url("https://a.example/x/" + "".join(parts))
            path = policy("a.example/x/").route(url).url.raw_path
        except UrlNotAllowed:
            return
        while True:
            for reading in (path, path.replace("\\", "/"), path.replace("//", "/"), path.replace(";", "/;")):
                assert (normpath(reading).lstrip("/") + "/").startswith("x/")
            if unquote(path) == path:
                break
            path = unquote(path)

    def test_nothing_is_allowed_by_an_empty_setting(self) -> None:
        with pytest.raises(UrlNotAllowed):
            policy("").route(parse_url("https://commons.wikimedia.org/"))


class TestOriginOverrides:
    def test_pairs_are_read(self) -> None:
        setting = "A.test=http://127.0.0.1:6101, b.test=https://Swift.internal/,c.test=http://[::1]:8080"
        assert parse_origin_overrides(setting) == (
            OriginOverride("a.test", "http", "127.0.0.1", 6101),
            OriginOverride("b.test", "https", "swift.internal", 443),
            OriginOverride("c.test", "http", "::1", 8080),
        )

    def test_they_are_written_as_they_can_be_read(self) -> None:
        overrides = parse_origin_overrides("a.test=http://127.0.0.1:6101,c.test=http://[::1]:8080")
        assert parse_origin_overrides(",".join(map(str, overrides))) == overrides

    @pytest.mark.parametrize(
        "setting",
        [
            "a.test",
            "a.test=",
            "a.test=127.0.0.1:6101",
            "a.test=ftp://127.0.0.1",
            "a.test=http://",
            "a.test=http://127.0.0.1:0",
            "a.test=http://127.0.0.1:70000",
            "a.test=http://127.0.0.1/path",
            "a.test=http://u:p@127.0.0.1",
            "a.test=http://127.0.0.1:6101?x",
            "=http://127.0.0.1",
            "https://a.test=http://127.0.0.1",
            "a.test=http://127.0.0.1,a.test=http://127.0.0.2",
        ],
    )
    def test_anything_else_is_refused_in_one_line(self, setting: str) -> None:
        with pytest.raises(ValueError, match=r"host|port") as refusal:
            parse_origin_overrides(setting)
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize("url", ["https://a.test/x?y=1", "http://a.test/x?y=1", "http://a.test:81/x?y=1"])
    def test_scheme_and_port_are_free_for_a_host_with_an_override(self, url: str) -> None:
        route = policy("a.test", "a.test=http://127.0.0.1:6101").route(parse_url(url))
        assert route.override is not None
        assert str(route.override.diverted(route.url)) == "http://127.0.0.1:6101/x?y=1"

    def test_an_override_allows_nothing_by_itself(self) -> None:
        with pytest.raises(UrlNotAllowed):
            policy("b.test", "a.test=http://127.0.0.1:6101").route(parse_url("https://a.test/"))

    def test_the_address_of_an_override_cannot_be_asked_for(self) -> None:
        with pytest.raises(UrlNotAllowed):
            policy("a.test", "a.test=http://127.0.0.1:6101").route(parse_url("http://127.0.0.1:6101/"))


class TestHeaders:
    def read(self, directory: Path, document: object) -> dict[str, dict[str, str]]:
        path = directory / "headers.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return read_fetch_headers(path)

    def test_headers_are_read_by_host(self, tmp_path: Path) -> None:
        read = self.read(tmp_path, {"Upload.Wikimedia.org": {"X-Swift-Secret": "s3cret"}})
        assert read == {"upload.wikimedia.org": {"X-Swift-Secret": "s3cret"}}

    @pytest.mark.parametrize(
        "document",
        [
            "",
            "[",
            "[]",
            {"a.test": "s3cret"},
            {"a.test": {"X-A": 1}},
            {"a.test": {"X-A": "s3cret\r\nX-B: c"}},
            {"a.test": {"X-A": "s3crét"}},
            {"a.test": {"X A": "s3cret"}},
            {"a.test": {"": "s3cret"}},
            {"a.test": {"Host": "s3cret"}},
            {"a.test": {"content-length": "1"}},
            {"https://a.test": {"X-A": "s3cret"}},
        ],
    )
    def test_anything_else_is_refused_in_one_line_without_its_values(
        self, tmp_path: Path, document: object
    ) -> None:
        with pytest.raises(ValueError, match=r"headers\.json|host") as refusal:
            self.read(tmp_path, document)
        assert "\n" not in str(refusal.value)
        assert "s3cr" not in str(refusal.value)

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"missing\.json' cannot be read as JSON \(FileNotFoundError\)"):
            read_fetch_headers(tmp_path / "missing.json")

    def test_a_policy_does_not_show_its_secrets(self) -> None:
        shown = repr(FetchPolicy(allowed_hosts=(), headers={"a.test": {"X-A": "s3cret"}}))
        assert "s3cret" not in shown
