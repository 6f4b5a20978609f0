"""Deciding: nobody is asked twice or told beforehand, and no decision is lost."""

import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from studio.images.models import Dataset
from studio.people.models import AuditEntry, User
from studio.review.deciding import (
    UNDO_S,
    DecisionRefused,
    decide,
    last_decision,
    next_item,
    open_disputes,
    undo_last,
)
from studio.review.models import Answer, Decision, Item, Verdict
from tests.studio.review.world import alarms, make_queue, post, reviewers, settle
from tests.studio.world import at_once, log_in

pytestmark = pytest.mark.slow


def test_a_reviewer_is_shown_each_item_once(dataset: Dataset, administrator: User) -> None:
    queue, (ann,) = make_queue(dataset, administrator), reviewers("ann")
    posted = alarms(queue, administrator, 40)
    shown = []
    while item := next_item(queue, ann):
        assert next_item(queue, ann) == item  # and the same again when the page is loaded again
        shown.append(item.pk)
        decide(ann, item, Answer.YES)
    assert sorted(shown) == sorted(item.pk for item in posted)
    assert shown != sorted(shown)  # by chance, and not as they came


def test_what_two_agree_on_is_shown_to_nobody_else(dataset: Dataset, administrator: User) -> None:
    queue, (ann, bob, cay) = make_queue(dataset, administrator), reviewers("ann", "bob", "cay")
    (item,) = alarms(queue, administrator, 1)
    assert settle(item, [ann], "yes").verdict == Verdict.OPEN
    assert next_item(queue, bob) == item
    assert settle(item, [ann, bob], "yes", "yes").verdict == Verdict.YES
    assert next_item(queue, cay) is None


def test_a_dispute_is_for_a_third_who_does_not_see_what_was_said(
    dataset: Dataset, administrator: User
) -> None:
    queue, (ann, bob, cay) = make_queue(dataset, administrator), reviewers("ann", "bob", "cay")
    (item,) = alarms(queue, administrator, 1)
    assert settle(item, [ann, bob], "yes", "no").verdict == Verdict.DISPUTED
    assert not open_disputes(queue, ann).exists()
    page = f"/datasets/signs/review/{queue.pk}/disputes"
    before = log_in(cay).get(page).content.decode()
    assert f"items/{item.pk}/decide" in before
    assert "ann" not in before
    assert "bob" not in before
    assert f"items/{item.pk}/decide" not in log_in(ann).get(page).content.decode()
    sent = log_in(cay).post(
        f"/datasets/signs/review/{queue.pk}/items/{item.pk}/decide", {"answer": "no", "page": "disputes"}
    )
    assert (sent.status_code, sent["Location"]) == (302, page)
    item.refresh_from_db()
    assert item.verdict == Verdict.NO
    settled = log_in(ann).get(page).content.decode()
    assert "ann: Yes, bob: No, cay: No" in settled


def test_a_decision_is_sent_again_without_harm_and_not_changed_by_another(
    dataset: Dataset, administrator: User
) -> None:
    queue, (ann,) = make_queue(dataset, administrator), reviewers("ann")
    (item,) = alarms(queue, administrator, 1)
    assert decide(ann, item, Answer.YES) == decide(ann, item, Answer.YES)
    with pytest.raises(DecisionRefused, match="already"):
        decide(ann, item, Answer.NO)
    client, address = log_in(ann), f"/datasets/signs/review/{queue.pk}/items/{item.pk}/decide"
    assert client.post(address, {"answer": "yes"}).status_code == 302
    assert client.post(address, {"answer": "no"}).status_code == 409
    assert client.post(address, {"answer": "perhaps"}).status_code == 400
    assert Decision.objects.get().answer == "yes"


def test_reviewers_who_decide_at_once_lose_no_decision(dataset: Dataset, administrator: User) -> None:
    queue, people = make_queue(dataset, administrator), reviewers("ann", "bob", "cay", "dan")
    items = alarms(queue, administrator, 6)
    barrier, failures = Barrier(2 * len(people)), list[BaseException]()

    def work(user: User, answer: Answer) -> None:
        try:
            barrier.wait(60)
            for item in items:
                decide(user, item, answer)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    # Each sends everything twice, as a browser does that got no answer.
    answers = [Answer.YES, Answer.NO, Answer.YES, Answer.NO]
    threads = [Thread(target=work, args=each) for each in 2 * list(zip(people, answers, strict=True))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert Decision.objects.count() == len(items) * len(people)
    for item in Item.objects.all():
        first = [Answer(each) for each in item.decisions.order_by("pk").values_list("answer", flat=True)[:3]]
        assert item.verdict == (first[0] if first[0] == first[1] else first[2])


def test_a_last_decision_is_taken_back_and_the_item_shown_again(
    dataset: Dataset, administrator: User
) -> None:
    queue, (ann, bob) = make_queue(dataset, administrator), reviewers("ann", "bob")
    (item,) = alarms(queue, administrator, 1)
    settle(item, [ann, bob], "yes", "no")
    assert undo_last(bob, queue) == item
    item.refresh_from_db()
    assert item.verdict == Verdict.OPEN
    assert next_item(queue, bob) == item
    assert undo_last(bob, queue) is None
    assert AuditEntry.objects.filter(action="undo decision", who="bob", details="0: no").exists()


def test_what_others_have_built_upon_is_not_taken_back(dataset: Dataset, administrator: User) -> None:
    queue, (ann, bob) = make_queue(dataset, administrator), reviewers("ann", "bob")
    (item,) = alarms(queue, administrator, 1)
    settle(item, [ann, bob], "yes", "yes")
    with pytest.raises(DecisionRefused, match="after you"):
        undo_last(ann, queue)
    assert log_in(ann).post(f"/datasets/signs/review/{queue.pk}/undo").status_code == 409
    Decision.objects.filter(by=bob).update(at=timezone.now() - timedelta(seconds=UNDO_S + 1))
    with pytest.raises(DecisionRefused, match="minutes old"):
        undo_last(bob, queue)
    Decision.objects.filter(by=bob).update(at=timezone.now())
    Item.objects.update(accepted_at=timezone.now())
    with pytest.raises(DecisionRefused, match="data set already"):
        undo_last(bob, queue)
    assert Decision.objects.count() == 2


def test_a_sample_enters_the_queue_and_no_page_tells_it_from_alarms(
    dataset: Dataset, administrator: User
) -> None:
    queue = make_queue(dataset, administrator, rate=0.3)
    posted = [post(queue, administrator, f"f{n}.png", 0.9 if n % 2 else 0.1234) for n in range(60)]
    drawn = [item for item in posted if item is not None and not item.is_alarm]
    assert 3 <= len(drawn) <= 18  # of 30; the seed is fixed
    assert queue.passed_over.count() == 30 - len(drawn)
    (ann,) = reviewers("ann")
    client, page = log_in(ann), f"/datasets/signs/review/{queue.pk}/"
    kinds, texts = [], set()
    while item := next_item(queue, ann):
        text = client.get(page).content.decode()
        before = text.partition("files of any score")[0]
        assert f'data-item="{item.pk}"' in before
        assert "Score 0" not in before
        assert client.get(f"{page}items/{item.pk}/heat-map").status_code == 404
        kinds.append(item.is_alarm)
        # But for what names the item, the pages of alarms and of those drawn are the same.
        named = rf'items/{item.pk}/|data-item="{item.pk}"|{item.filename}|csrf\w+" value="\w+"'
        texts.add(re.sub(named, "", before))
        decide(ann, item, Answer.UNSURE)
        assert "Score 0" in client.get(page).content.decode().partition('id="last"')[2]
    assert len(texts) == 1
    assert kinds != sorted(kinds) != kinds[::-1]


def test_without_a_sample_the_score_is_shown_at_once(dataset: Dataset, administrator: User) -> None:
    queue, (ann,) = make_queue(dataset, administrator), reviewers("ann")
    post(queue, administrator, "a.png", 0.8765)
    text = log_in(ann).get(f"/datasets/signs/review/{queue.pk}/").content.decode()
    assert "Score 0.8765 of model mean-colour 1" in text
    assert 'href="https://upload.wikimedia.org/a/a.png.png"' in text


def test_two_reviewers_seldom_begin_with_the_same_item(dataset: Dataset, administrator: User) -> None:
    queue = make_queue(dataset, administrator)
    alarms(queue, administrator, 32)
    first = {next_item(queue, user) for user in reviewers(*map(str, range(8)))}
    assert len(first) >= 6


def test_the_last_decision_is_of_this_queue(dataset: Dataset, administrator: User) -> None:
    queue, other = make_queue(dataset, administrator), make_queue(dataset, administrator, name="other")
    (ann,) = reviewers("ann")
    settle(alarms(queue, administrator, 1)[0], [ann], "yes")
    assert last_decision(ann, other) is None


def test_markup_in_a_filename_is_shown_as_text(
    dataset: Dataset, browser: Client, administrator: User
) -> None:
    queue = make_queue(dataset, administrator)
    post(queue, administrator, "<script>alert(1)</script>", 0.9, source_url=ADDRESS_OF_X)
    text = browser.get(f"/datasets/signs/review/{queue.pk}/").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


ADDRESS_OF_X = "https://upload.wikimedia.org/x.png"


def test_of_undoings_at_once_each_takes_back_a_decision_of_its_own(
    dataset: Dataset, administrator: User
) -> None:
    queue, (ann,) = make_queue(dataset, administrator), reviewers("ann")
    items = alarms(queue, administrator, 12)
    for item in items:
        decide(ann, item, Answer.YES)
    undone = at_once(8, lambda: undo_last(ann, queue))
    assert {item.pk for item in undone if item} == {item.pk for item in items[4:]}
    assert AuditEntry.objects.filter(action="undo decision").count() == 8
    assert {decision.item_id for decision in Decision.objects.all()} == {item.pk for item in items[:4]}
