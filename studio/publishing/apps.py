"""The Django app."""

from django.apps import AppConfig


class PublishingConfig(AppConfig):
    name = "studio.publishing"
