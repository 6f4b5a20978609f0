"""Who may do what by the API: every address and method, as a stranger, in every role, with every scope."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from studio.api.scopes import CEILINGS
from studio.images.membership import make_dataset
from studio.images.models import Membership
from studio.people.models import Role, User
from tests.studio import test_access as pages
from tests.studio.api.calls import Caller
from tests.studio.world import log_in, make_user, stranger

pytestmark = pytest.mark.slow

PATTERNS, World, world = pages.PATTERNS, pages.World, pages.world  # the last one is a fixture

V, L, R, T, A = Role.VIEWER, Role.LABELLER, Role.REVIEWER, Role.TRAINER, Role.ADMINISTRATOR

# By name and method, the role over all data sets that it takes. NONE: whoever is logged in.
EVERYWHERE = {
    ("api-root", "GET"): Role.NONE, ("api-schema", "GET"): Role.NONE, ("api-datasets", "GET"): Role.NONE,
    ("api-datasets", "POST"): T, ("api-recipes", "GET"): Role.NONE, ("api-score", "POST"): Role.NONE,
    ("api-audit", "GET"): A, ("api-models", "GET"): V, ("api-model", "GET"): V,
    ("api-model-archive", "GET"): V, ("api-active", "GET"): V, ("api-activate", "POST"): A,
    ("api-roll-back", "POST"): A, ("api-delete-model", "POST"): A, ("api-gate", "GET"): V,
    ("api-gate", "PUT"): A,
}  # fmt: skip
FOR_ANY_SCOPE = {"api-root", "api-schema", "api-score"}

# The same of those in a data set, where the role of a member counts as well.
IN_DATASET = {
    ("api-dataset", "GET"): V, ("api-members", "GET"): A, ("api-members", "POST"): A,
    ("api-images", "GET"): V, ("api-image", "GET"): V, ("api-thumbnail", "GET"): V, ("api-preview", "GET"): V,
    ("api-label", "PUT"): L, ("api-labels", "POST"): L, ("api-label-selection", "POST"): R,
    ("api-undo", "POST"): L, ("api-changes", "GET"): V, ("api-undo-change", "POST"): R,
    ("api-duplicates", "GET"): V, ("api-imports", "GET"): V, ("api-imports", "POST"): T,
    ("api-import", "GET"): V, ("api-problems", "GET"): V, ("api-cancel-import", "POST"): T,
    ("api-versions", "GET"): V, ("api-versions", "POST"): T, ("api-version", "GET"): V,
    ("api-manifest", "GET"): V, ("api-archive", "GET"): V, ("api-difference", "GET"): V,
    ("api-runs", "GET"): V, ("api-runs", "POST"): T, ("api-run", "GET"): V, ("api-log", "GET"): V,
    ("api-artifact", "GET"): V,
    ("api-cancel-run", "POST"): T, ("api-resume-run", "POST"): T,
    ("api-results", "GET"): V, ("api-comparisons", "GET"): V, ("api-comparisons", "POST"): T,
    ("api-comparison", "GET"): V, ("api-gate-of-run", "GET"): V, ("api-publish", "POST"): T,
    ("api-evaluation-document", "GET"): V, ("api-predictions", "GET"): V,
    ("api-evaluation-picture", "GET"): V, ("api-evaluate-again", "POST"): T,
    ("api-cancel-evaluation", "POST"): T, ("api-review-queues", "GET"): V, ("api-review-queues", "POST"): T,
    ("api-review-queue", "GET"): V, ("api-items", "POST"): T, ("api-many-items", "POST"): T,
    ("api-item", "GET"): R, ("api-item-picture", "GET"): R, ("api-item-heat-map", "GET"): R,
    ("api-decide", "POST"): R, ("api-next-item", "GET"): R, ("api-undo-decision", "POST"): R,
    ("api-disputes", "GET"): R, ("api-accept", "POST"): T, ("api-intakes", "GET"): V,
    ("api-intakes", "POST"): T, ("api-intake", "GET"): V, ("api-intake-problems", "GET"): V,
    ("api-cancel-intake", "POST"): T,
}  # fmt: skip
OPERATIONS = EVERYWHERE | IN_DATASET


def ask(client: Client, world: pages.World, operation: tuple[str, str], **headers: str) -> int:
    name, method = operation
    address = reverse(name, kwargs={part: world.named[part] for part in PATTERNS[name]})
    response = client.generic(method, address, "{}", content_type="application/json", headers=headers)
    response.close()
    found: int = response.status_code
    return found


def views(of: URLResolver) -> dict[str, Any]:
    """The views of the API by the names of their addresses."""
    found: dict[str, Any] = {}
    for each in of.url_patterns:
        if isinstance(each, URLPattern):
            found |= {str(each.name): each.callback} if str(each.name).startswith("api-") else {}
        else:
            found |= views(each)
    return found


def test_the_matrix_has_every_address_and_method_and_no_other() -> None:
    listed = views(get_resolver())
    assert listed.keys() == {name for name, _ in OPERATIONS} | {"api-nowhere"}
    for name, view in listed.items():
        methods = {method for known, method in OPERATIONS if known == name}
        if name not in ("api-schema", "api-nowhere"):
            assert set(view.view_class.roles) == methods, name
            assert {
                each for each in ("GET", "POST", "PUT") if hasattr(view.view_class, each.lower())
            } == methods


def test_strangers_get_nothing_and_are_told_how_to_be_none(world: pages.World) -> None:
    for operation in OPERATIONS:
        assert ask(stranger(), world, operation) == 401, operation
        assert ask(stranger(), world, operation, Authorization="Bearer studio_no-such-token") == 401, (
            operation
        )
    answer = stranger().get("/api/no/such/thing/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="studio"'


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.label)
def test_a_role_over_all_data_sets_allows_what_it_should(role: Role, world: pages.World) -> None:
    client = log_in(make_user("tester", role))
    for operation, needed in OPERATIONS.items():
        found = ask(client, world, operation)
        assert found < 500, operation
        if role >= needed:
            assert found not in (401, 403, 404), operation
        elif operation in IN_DATASET and role < V:
            assert found == 404, operation
        else:
            assert found == 403, operation


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.label)
def test_a_members_role_allows_the_same_in_its_data_set_alone(role: Role, world: pages.World) -> None:
    user = make_user("tester")
    Membership.objects.create(dataset=world.dataset, user=user, role=role)
    client = log_in(user)
    for operation, needed in IN_DATASET.items():
        found = ask(client, world, operation)
        assert found < 500, operation
        assert (found == (404 if role < V else 403)) is (role < needed), operation
    for operation, needed in EVERYWHERE.items():
        assert (ask(client, world, operation) == 403) is (needed > Role.NONE), operation


@pytest.mark.parametrize("scope", CEILINGS)
def test_an_administrators_token_does_no_more_than_its_scope(scope: str, world: pages.World) -> None:
    # Not of her who has made what is in the world: one's own changes a labeller may undo.
    token = Caller(make_user("bert", A), scope).token
    for operation, needed in OPERATIONS.items():
        least = Role.NONE if operation[0] in FOR_ANY_SCOPE else max(needed, V)
        found = ask(stranger(), world, operation, Authorization=f"Bearer {token}")
        assert (found == 403) is (CEILINGS[scope] < least), operation
        assert found < 500, operation


def test_a_token_does_no_more_than_its_owners_role(world: pages.World) -> None:
    user = make_user("lea")
    Membership.objects.create(dataset=world.dataset, user=user, role=L)
    token = Caller(user, "administer").token
    for operation, needed in OPERATIONS.items():
        limit = L if operation in IN_DATASET else Role.NONE
        found = ask(stranger(), world, operation, Authorization=f"Bearer {token}")
        assert (found == 403) is (needed > limit), operation


def test_a_member_of_one_data_set_finds_nothing_of_another(world: pages.World) -> None:
    user = make_user("tester")
    other = make_dataset(make_user("tess", Role.TRAINER), "other")
    Membership.objects.create(dataset=other, user=user, role=A)
    client = log_in(user)
    assert [each["name"] for each in client.get("/api/datasets/").json()["results"]] == ["other"]
    for operation in IN_DATASET:
        assert ask(client, world, operation) == 404, operation
        if set(PATTERNS[operation[0]]) - {"dataset"}:  # and not by way of its own data set, either
            foreign = World(other, world.named | {"dataset": other.name})
            # A body that says nothing is refused before an image is looked for.
            assert ask(client, foreign, operation) in ((400,) if operation[1] == "PUT" else (404,)), operation
    label = client.put(
        f"/api/datasets/other/images/{world.named['image_id']}/label/", {"label": "logo"}, "application/json"
    )
    assert label.status_code == 404


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each[1] != "GET"], ids="-".join)
def test_a_browsers_session_changes_nothing_without_the_pages_token(
    operation: tuple[str, str],
    world: pages.World,
    administrator: User,
) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(administrator)
    assert ask(client, world, operation) == 403


def test_no_address_answers_to_another_method(world: pages.World, browser: Client) -> None:
    for name in {name for name, _ in OPERATIONS}:
        for method in ("DELETE", "PATCH", "OPTIONS"):
            assert ask(browser, world, (name, method)) == 405, (name, method)
