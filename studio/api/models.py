"""Personal tokens."""

from django.db import models

from studio.people.models import User


class PersonalToken(models.Model):
    """A token that a user has drawn for programs of their own. The token itself is kept nowhere.

    Attributes:
        digest: SHA-256 of the token.
        scope: A name of `studio.api.scopes`.
        used_at: When it was last used, to the hour.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=20)
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "name"], name="token_name_once"),)

    def __str__(self) -> str:
        return self.name
