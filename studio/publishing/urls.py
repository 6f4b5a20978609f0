"""Addresses of the pages about artifact versions."""

from django.urls import include, path

from studio.publishing import views

in_dataset = [
    path("runs/<int:run_id>/publish", views.gate_of_run, name="publish"),
    path("runs/<int:run_id>/publish/add", views.publish, name="add-artifact"),
]

urlpatterns = [
    path("datasets/<str:dataset>/", include(in_dataset)),
    path("models", views.models, name="models"),
    path("models/roll-back", views.go_back, name="roll-back"),
    path("models/gate", views.gate, name="gate"),
    path("models/gate/set", views.set_gate, name="set-gate"),
    path("models/<int:model_id>", views.model, name="model"),
    path("models/<int:model_id>/artifact.zip", views.archive, name="model-archive"),
    path("models/<int:model_id>/activate", views.make_active, name="activate"),
    path("models/<int:model_id>/delete", views.delete, name="delete-model"),
]
