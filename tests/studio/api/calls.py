"""Programs that call the API, with tokens."""

import json
from typing import Any

from django.test import Client

from studio.api.tokens import draw_token
from studio.people.models import User
from tests.studio.world import stranger


class Caller:
    """A program with a personal token of a user."""

    def __init__(self, user: User, scope: str = "administer", name: str = "laptop") -> None:
        _, self.token = draw_token(user, name, scope, 1)
        self._client = stranger()

    def get(self, path: str, **headers: str) -> Any:
        return self._client.get(path, headers={"Authorization": f"Bearer {self.token}", **headers})

    def send(self, path: str, body: object = None, method: str = "POST", **headers: str) -> Any:
        """JSON."""
        return self._client.generic(
            method,
            path,
            json.dumps({} if body is None else body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def upload(self, path: str, fields: dict[str, object]) -> Any:
        """A multipart body."""
        return self._client.post(path, fields, headers={"Authorization": f"Bearer {self.token}"})


def bearer(token: str, path: str = "/api/", client: Client | None = None) -> Any:
    return (client or stranger()).get(path, headers={"Authorization": f"Bearer {token}"})


def is_error(response: Any, status: int, code: str) -> dict[str, Any]:
    """Hold an answer against the one shape of errors. Returns it."""
    assert response.status_code == status, response.content
    found: dict[str, Any] = response.json()
    assert found.keys() == {"error", "code", "fields"}
    assert found["code"] == code
    assert found["error"]
    return found
