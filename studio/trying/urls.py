"""Addresses of the pages to try a model."""

from django.urls import path

from studio.trying import views

urlpatterns = [
    path("try", views.form, name="try"),
    path("try/score", views.score, name="try-score"),
]
