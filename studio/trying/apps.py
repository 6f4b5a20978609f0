"""The Django app."""

from django.apps import AppConfig


class TryingConfig(AppConfig):
    name = "studio.trying"
