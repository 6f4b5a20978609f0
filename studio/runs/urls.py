"""Addresses of the pages about runs."""

from django.urls import include, path

from studio.runs import views

in_dataset = [
    path("runs", views.runs, name="runs"),
    path("runs/new", views.new_run, name="new-run"),
    path("runs/add", views.add_run, name="add-run"),
    path("runs/<int:run_id>", views.run, name="run"),
    path("runs/<int:run_id>/log", views.log, name="run-log"),
    path("runs/<int:run_id>/artifact.zip", views.artifact, name="run-artifact"),
    path("runs/<int:run_id>/cancel", views.cancel, name="cancel-run"),
    path("runs/<int:run_id>/resume", views.resume, name="resume-run"),
]

urlpatterns = [path("datasets/<str:dataset>/", include(in_dataset))]
