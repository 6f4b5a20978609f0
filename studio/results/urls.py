"""Addresses of the pages about results."""

from django.urls import include, path

from studio.results import views

in_dataset = [
    path("runs/<int:run_id>/results", views.results, name="results"),
    path("runs/<int:run_id>/compare", views.add_comparison, name="add-comparison"),
    path("runs/<int:run_id>/beside/<int:other_id>", views.comparison, name="comparison"),
    path("evaluations/<int:evaluation_id>/report", views.report, name="evaluation-report"),
    path("evaluations/<int:evaluation_id>/predictions.csv", views.predictions, name="evaluation-predictions"),
    path("evaluations/<int:evaluation_id>/cancel", views.cancel, name="cancel-evaluation"),
    path("evaluations/<int:evaluation_id>/again", views.again, name="evaluate-again"),
    path("evaluations/<int:evaluation_id>/<str:kind>/<int:number>", views.picture, name="evaluation-picture"),
]

urlpatterns = [path("datasets/<str:dataset>/", include(in_dataset))]
