"""The Django app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "studio.api"

    def ready(self) -> None:
        """Import the description of who may call, which is found by having been imported."""
        from studio.api import description  # noqa: F401
