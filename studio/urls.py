"""Addresses of all pages."""

from django.urls import include, path

handler500 = "studio.disk_full.answer_failure"

urlpatterns = [
    path("", include("studio.people.urls")),
    path("", include("studio.images.urls")),
    path("", include("studio.runs.urls")),
    path("", include("studio.api.urls")),
    path("", include("studio.results.urls")),
    path("", include("studio.publishing.urls")),
    path("", include("studio.trying.urls")),
    path("", include("studio.review.urls")),
]
