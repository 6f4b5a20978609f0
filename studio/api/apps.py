"""The Django app, which holds what all requests of a process share."""

from django.apps import AppConfig

from studio.api.scoring import Scorer
from studio.settings import Settings


class ApiConfig(AppConfig):
    name = "studio.api"

    def ready(self) -> None:
        """Make the scorer, which starts its processes when it is first asked."""
        from studio.django_settings import STUDIO

        self.scorer = _scorer(STUDIO)
        # The description of who may call is found by having been imported.
        from studio.api import description  # noqa: F401


def _scorer(settings: Settings) -> Scorer:
    return Scorer(
        settings.model,
        workers=settings.api_score_workers,
        decode_timeout_s=settings.decode_timeout_s,
        max_file_bytes=settings.file_max_size,
    )
