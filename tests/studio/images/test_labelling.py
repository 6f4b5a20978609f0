"""Labelling: every change is kept and can be undone, and nobody's later work is lost by it."""

import pytest
from django.test import Client

from studio.images.labelling import LabellingRefused, label_images, last_undoable, undo, undo_last
from studio.images.models import UNKNOWN, Change, Dataset, Image, Labelling, Membership
from studio.people.models import AuditEntry, Role, User
from tests.studio.world import at_once, class_of, log_in, make_user, rows

pytestmark = pytest.mark.slow


def labels(images: list[Image]) -> list[str | None]:
    found = Image.objects.in_bulk([image.pk for image in images])
    return [label.name if (label := found[image.pk].label) else None for image in images]


def test_a_label_is_kept_with_who_when_and_why(dataset: Dataset, administrator: User) -> None:
    images = rows(dataset, administrator, [0.9, 0.2])
    change = label_images(administrator, dataset, [images[0].pk], class_of(dataset, "logo"), "it has a mark")
    assert labels(images) == ["logo", None]
    (row,) = Labelling.objects.all()
    assert (row.image_id, row.before, str(row.after)) == (images[0].pk, None, "logo")
    assert change == row.change
    assert (row.change.by, row.change.why, row.change.images) == (administrator, "it has a mark", 1)


def test_disagreement_follows_the_label(dataset: Dataset, administrator: User) -> None:
    (image,) = rows(dataset, administrator, [0.9])
    assert image.disagreement == UNKNOWN
    for name, expected in (("logo", 0.1), ("out_of_domain", 0.9)):
        label_images(administrator, dataset, [image.pk], class_of(dataset, name))
        image.refresh_from_db()
        assert image.disagreement == pytest.approx(expected)


def test_what_has_the_label_already_is_no_change(dataset: Dataset, administrator: User) -> None:
    images = rows(dataset, administrator, [0.9], ["logo"])
    assert label_images(administrator, dataset, [images[0].pk], class_of(dataset, "logo")) is None
    assert not Change.objects.exists()


def test_undo_gives_back_the_former_labels_of_each(dataset: Dataset, administrator: User) -> None:
    images = rows(dataset, administrator, [0.5] * 3, ["logo", "", "out_of_domain"])
    change = label_images(
        administrator, dataset, [image.pk for image in images], class_of(dataset, "out_of_domain")
    )
    assert change is not None
    assert change.images == 2
    undone = undo(administrator, change)
    assert labels(images) == ["logo", None, "out_of_domain"]
    assert (undone.kind, undone.undoes, undone.images) == ("undo", change, 2)


def test_undo_leaves_alone_what_somebody_has_labelled_since(dataset: Dataset, administrator: User) -> None:
    images = rows(dataset, administrator, [0.5] * 2)
    keys = [image.pk for image in images]
    change = label_images(administrator, dataset, keys, class_of(dataset, "logo"))
    label_images(make_user("lea"), dataset, keys[:1], class_of(dataset, "out_of_domain"))
    assert change is not None
    assert undo(administrator, change).images == 1
    assert labels(images) == ["out_of_domain", None]


def test_a_change_is_undone_once(dataset: Dataset, administrator: User) -> None:
    (image,) = rows(dataset, administrator, [0.5])
    change = label_images(administrator, dataset, [image.pk], class_of(dataset, "logo"))
    assert change is not None
    undo(administrator, change)
    with pytest.raises(LabellingRefused, match="already"):
        undo(administrator, change)


def test_undo_goes_back_step_by_step_through_ones_own_changes(dataset: Dataset, administrator: User) -> None:
    (image,) = rows(dataset, administrator, [0.5])
    label_images(administrator, dataset, [image.pk], class_of(dataset, "logo"))
    label_images(administrator, dataset, [image.pk], class_of(dataset, "out_of_domain"))
    seen = []
    while change := last_undoable(administrator, dataset):
        undo(administrator, change)
        seen.extend(labels([image]))
    assert seen == ["logo", None]
    assert last_undoable(make_user("lea"), dataset) is None


def test_images_of_another_data_set_are_left_alone(dataset: Dataset, administrator: User) -> None:
    from studio.images.membership import make_dataset

    (foreign,) = rows(make_dataset(administrator, "other"), administrator, [0.5])
    assert label_images(administrator, dataset, [foreign.pk], class_of(dataset, "logo")) is None


def test_tiles_and_balance_come_back_from_labelling(
    dataset: Dataset, browser: Client, administrator: User
) -> None:
    images = rows(dataset, administrator, [0.5] * 2)
    sent = browser.post("/datasets/signs/label", {"image": [images[0].pk], "label": "logo"})
    text = sent.content.decode()
    assert f'id="tile-{images[0].pk}"' in text
    assert f'id="tile-{images[1].pk}"' not in text
    assert "logo: <strong>1</strong>" in text
    back = browser.post("/datasets/signs/undo").content.decode()
    assert "logo: <strong>0</strong>" in back
    assert browser.post("/datasets/signs/undo").status_code == 204


@pytest.mark.parametrize(
    "fields",
    [{}, {"image": ["x"], "label": "logo"}, {"image": ["1"]}, {"image": ["1"], "label": "cat"},
     {"image": [str(n) for n in range(61)], "label": "logo"}],
)  # fmt: skip
def test_labels_that_make_no_sense_are_refused(
    fields: dict[str, object], dataset: Dataset, browser: Client
) -> None:
    assert browser.post(f"/datasets/{dataset}/label", fields).status_code == 400


def test_many_are_labelled_after_a_question_and_undone_at_once(
    dataset: Dataset, browser: Client, administrator: User
) -> None:
    images = rows(dataset, administrator, [0.1, 0.9, 0.8])
    fields = {"score_min": "0.5", "new_label": "logo", "why": "above a half"}
    asked = browser.post("/datasets/signs/label-selection", fields)
    assert b"2 images will get" in asked.content
    assert labels(images) == [None, None, None]
    assert browser.post("/datasets/signs/label-selection", fields | {"sure": "3"}).status_code == 200
    assert browser.post("/datasets/signs/label-selection", fields | {"sure": "2"}).status_code == 302
    assert labels(images) == [None, "logo", "logo"]
    assert AuditEntry.objects.filter(action="label many", details="2 images: logo").exists()
    change = Change.objects.get()
    assert browser.post(f"/datasets/signs/history/{change.pk}/undo").status_code == 302
    assert labels(images) == [None] * 3
    assert b"undone" in browser.get("/datasets/signs/history").content
    assert browser.post(f"/datasets/signs/history/{change.pk}/undo").status_code == 409


def test_a_labeller_undoes_own_changes_and_no_others(dataset: Dataset, administrator: User) -> None:
    lea = make_user("lea")
    Membership.objects.create(dataset=dataset, user=lea, role=Role.LABELLER)
    (image,) = rows(dataset, administrator, [0.5])
    others = label_images(administrator, dataset, [image.pk], class_of(dataset, "logo"))
    own = label_images(lea, dataset, [image.pk], class_of(dataset, "out_of_domain"))
    assert others is not None
    assert own is not None
    client = log_in(lea)
    assert client.post(f"/datasets/signs/history/{others.pk}/undo").status_code == 403
    assert client.post(f"/datasets/signs/history/{own.pk}/undo").status_code == 302
    assert labels([image]) == ["logo"]


def test_of_undoings_at_once_each_undoes_a_change_of_its_own(dataset: Dataset, administrator: User) -> None:
    images = rows(dataset, administrator, [0.5] * 12)
    for image in images:
        label_images(administrator, dataset, [image.pk], class_of(dataset, "logo"))
    undone = at_once(8, lambda: undo_last(administrator, dataset))
    assert len({change.pk for change in undone if change}) == 8
    assert labels(images) == ["logo"] * 4 + [None] * 8


def test_of_those_who_undo_a_change_at_once_one_does(dataset: Dataset, administrator: User) -> None:
    images = rows(dataset, administrator, [0.5])
    change = label_images(administrator, dataset, [images[0].pk], class_of(dataset, "logo"))
    assert change is not None

    def refusal() -> str:
        try:
            undo(administrator, change)
        except LabellingRefused as error:
            return str(error)
        return ""

    assert sorted(at_once(8, refusal)) == ["", *7 * [f"change {change.pk} has been undone already"]]
    assert labels(images) == [None]
