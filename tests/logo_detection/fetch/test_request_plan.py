import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from logo_detection.errors import FetchFailed, UrlNotAllowed
from logo_detection.fetch.policy import AllowedHost, FetchPolicy, parse_origin_overrides
from logo_detection.fetch.request_plan import MAX_REDIRECTS, MAX_REQUESTS, RequestPlan, TimeBudget
from logo_detection.fetch.url import parse_url

COOKIE = {"Cookie": "session=s3cret"}
POLICY = FetchPolicy(
    allowed_hosts=(AllowedHost("a.test"), AllowedHost("b.test"), AllowedHost("c.test", "/wiki/"))
)
STASH = "https://a.test/wiki/Special:UploadStash"
FILE = f"{STASH}/file/1a.b.3.png"


def plan(url: object = FILE, policy: FetchPolicy = POLICY) -> RequestPlan:
    made = RequestPlan(policy, parse_url(url), COOKIE)
    made.next()
    return made


def refused(status: int) -> FetchFailed:
    return FetchFailed(status=status)


def asked(made: RequestPlan) -> str:
    return str(made.next().route.url)


@pytest.mark.parametrize("url", [None, "http://a.test/", "https://z.test/", "https://c.test/"])
def test_only_what_the_policy_allows_is_planned(url: object) -> None:
    with pytest.raises(UrlNotAllowed):
        RequestPlan(POLICY, parse_url(url), COOKIE)


def test_each_redirect_is_guarded_anew_and_there_are_two() -> None:
    made = plan("https://a.test/1")
    for location in ("https://z.test/", "http://a.test/", "https://c.test/", "http://["):
        with pytest.raises(UrlNotAllowed):
            plan("https://a.test/1").redirect(location)
    for number in range(MAX_REDIRECTS):
        made.redirect(f"/{number}")
        assert asked(made) == f"https://a.test/{number}"
    with pytest.raises(FetchFailed):
        made.redirect("/again")


def test_credentials_stay_with_a_redirect_within_the_host_and_never_come_back_to_it() -> None:
    made = plan("https://a.test/1")
    made.redirect("/2")
    assert made.next().credentials == COOKIE
    made = plan("https://a.test/1")
    made.redirect("https://b.test/")
    assert made.next().credentials == {}
    made.redirect("https://a.test/3")
    assert made.next().credentials == {}


def test_a_redirect_to_http_is_followed_where_there_is_an_override() -> None:
    overridden = FetchPolicy(
        allowed_hosts=POLICY.allowed_hosts, overrides=parse_origin_overrides("a.test=http://127.0.0.1:1")
    )
    made = plan("https://a.test/1", overridden)
    made.redirect("http://a.test/2")
    assert made.next().credentials == COOKIE


def test_a_refused_file_is_asked_for_otherwise_with_the_same_credentials() -> None:
    made = plan()
    for status, width in ((500, 330), (404, 250), (500, 120)):
        made.refuse(refused(status))
        request = made.next()
        assert str(request.route.url) == f"{STASH}/thumb/1a.b.3.png/{width}px-1a.b.3.png"
        assert request.credentials == COOKIE
    with pytest.raises(FetchFailed) as failure:
        made.refuse(refused(404))
    assert failure.value.status == 404


@pytest.mark.parametrize("status", [403, 404, 429, 503])
def test_another_status_than_the_wikis_refusal_ends_it(status: int) -> None:
    with pytest.raises(FetchFailed) as failure:
        plan().refuse(refused(status))
    assert failure.value.status == status


def test_the_stand_ins_are_those_of_the_name_that_the_wiki_redirects_to() -> None:
    made = plan(f"{STASH.lower()}/file/1a.b.3.png")
    made.redirect("/wiki/Spezial:Hochladespeicher/file/1a.b.3.png")
    made.next()
    made.refuse(refused(500))
    assert asked(made) == "https://a.test/wiki/Spezial:Hochladespeicher/thumb/1a.b.3.png/330px-1a.b.3.png"


def test_what_stands_in_is_guarded_too() -> None:
    narrow = FetchPolicy(allowed_hosts=(AllowedHost("a.test", "/wiki/Special:UploadStash/file/"),))
    with pytest.raises(FetchFailed) as failure:
        plan(FILE, narrow).refuse(refused(500))
    assert failure.value.status == 500
    with pytest.raises(FetchFailed):
        plan(FILE, narrow).ask_for_thumbnail()


def test_a_file_that_came_has_thumbnails_even_if_it_came_from_elsewhere() -> None:
    for redirects in ([], ["https://b.test/file"]):
        made = plan()
        for location in redirects:
            made.redirect(location)
            made.next()
        made.ask_for_thumbnail()
        request = made.next()
        assert str(request.route.url) == f"{STASH}/thumb/1a.b.3.png/330px-1a.b.3.png"
        assert request.credentials == COOKIE


def of_another_page() -> RequestPlan:
    return plan("https://a.test/a.png")


def of_a_thumbnail() -> RequestPlan:
    return plan(f"{STASH}/thumb/1a.b.3.png/330px-1a.b.3.png")


def of_a_refused_file() -> RequestPlan:
    made = plan()
    made.refuse(refused(500))
    made.next()
    return made


@pytest.mark.parametrize("make", [of_another_page, of_a_thumbnail, of_a_refused_file])
def test_there_is_no_thumbnail_of_anything_else(make: Callable[[], RequestPlan]) -> None:
    with pytest.raises(FetchFailed):
        make().ask_for_thumbnail()


@pytest.mark.parametrize("kind", ["png", "tif", "djvu"])
def test_there_are_never_more_requests_than_five(kind: str) -> None:
    file = f"{STASH}/file/1a.b.3.{kind}"
    made = plan(file)
    sent = 1
    with suppress(FetchFailed):
        for _ in range(20):
            if sent <= MAX_REDIRECTS:
                made.redirect(file)
            else:
                made.refuse(refused(500))
            made.next()
            sent += 1
    assert sent == MAX_REQUESTS == 5


async def test_a_time_budget_is_spent_by_all_its_blocks_together() -> None:
    budget = TimeBudget(0.2)
    async with budget.spend():
        await asyncio.sleep(0.12)
    with pytest.raises(TimeoutError):
        async with budget.spend():
            await asyncio.sleep(0.12)
