"""The Django app, which holds what all requests of a process score with."""

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from studio.trying.scoring import Scorer


class TryingConfig(AppConfig):
    name = "studio.trying"
    scorer: "Scorer"

    def ready(self) -> None:
        """Make the scorer, which starts its processes when it is first asked."""
        from studio.django_settings import STUDIO
        from studio.trying.scoring import Scorer  # which needs models, and so the apps

        self.scorer = Scorer(STUDIO)
