"""Addresses of the API, of OAuth, and of the pages about tokens and applications."""

from django.urls import include, path, re_path

from studio.api import oauth, pages
from studio.api.views import (
    audit,
    datasets,
    images,
    imports,
    models,
    results,
    review,
    root,
    runs,
    score,
    versions,
)

about_images = [
    path("images/", images.Images.as_view(), name="api-images"),
    path("images/<int:image_id>/", images.OneImage.as_view(), name="api-image"),
    path("images/<int:image_id>/thumbnail/", images.Thumbnail.as_view(), name="api-thumbnail"),
    path("images/<int:image_id>/preview/", images.Preview.as_view(), name="api-preview"),
    path("images/<int:image_id>/label/", images.Label.as_view(), name="api-label"),
    path("labels/", images.Labels.as_view(), name="api-labels"),
    path("labels/selection/", images.SelectionLabel.as_view(), name="api-label-selection"),
    path("labels/undo/", images.Undo.as_view(), name="api-undo"),
    path("changes/", images.Changes.as_view(), name="api-changes"),
    path("changes/<int:change_id>/undo/", images.UndoChange.as_view(), name="api-undo-change"),
    path("duplicates/", images.Duplicates.as_view(), name="api-duplicates"),
]
about_imports = [
    path("imports/", imports.Imports.as_view(), name="api-imports"),
    path("imports/<int:import_id>/", imports.OneImport.as_view(), name="api-import"),
    path("imports/<int:import_id>/problems/", imports.Problems.as_view(), name="api-problems"),
    path("imports/<int:import_id>/cancel/", imports.CancelImport.as_view(), name="api-cancel-import"),
]
about_versions = [
    path("versions/", versions.Versions.as_view(), name="api-versions"),
    path("versions/<int:number>/", versions.OneVersion.as_view(), name="api-version"),
    path("versions/<int:number>/manifest/", versions.Manifest.as_view(), name="api-manifest"),
    path("versions/<int:number>/archive/", versions.Archive.as_view(), name="api-archive"),
    path("versions/<int:number>/since/<int:former>/", versions.Difference.as_view(), name="api-difference"),
]
about_runs = [
    path("runs/", runs.Runs.as_view(), name="api-runs"),
    path("runs/<int:run_id>/", runs.OneRun.as_view(), name="api-run"),
    path("runs/<int:run_id>/log/", runs.Log.as_view(), name="api-log"),
    path("runs/<int:run_id>/artifact/", runs.Artifact.as_view(), name="api-artifact"),
    path("runs/<int:run_id>/cancel/", runs.CancelRun.as_view(), name="api-cancel-run"),
    path("runs/<int:run_id>/resume/", runs.ResumeRun.as_view(), name="api-resume-run"),
]
in_evaluation = [
    path("document/", results.Document.as_view(), name="api-evaluation-document"),
    path("predictions/", results.Predictions.as_view(), name="api-predictions"),
    path("again/", results.EvaluateAgain.as_view(), name="api-evaluate-again"),
    path("cancel/", results.CancelEvaluation.as_view(), name="api-cancel-evaluation"),
    path("<str:kind>/<int:number>/", results.Picture.as_view(), name="api-evaluation-picture"),
]
about_results = [
    path("runs/<int:run_id>/results/", results.Results.as_view(), name="api-results"),
    path("runs/<int:run_id>/comparisons/", results.Comparisons.as_view(), name="api-comparisons"),
    path(
        "runs/<int:run_id>/comparisons/<int:other_id>/", results.Comparison.as_view(), name="api-comparison"
    ),
    path("runs/<int:run_id>/gate/", models.GateOfRun.as_view(), name="api-gate-of-run"),
    path("runs/<int:run_id>/publish/", models.Publish.as_view(), name="api-publish"),
    path("evaluations/<int:evaluation_id>/", include(in_evaluation)),
]
in_queue = [
    path("", review.OneQueue.as_view(), name="api-review-queue"),
    path("items/", review.Items.as_view(), name="api-items"),
    path("items/bulk/", review.ManyItems.as_view(), name="api-many-items"),
    path("items/<int:item_id>/", review.OneItem.as_view(), name="api-item"),
    path("items/<int:item_id>/picture/", review.ItemPicture.as_view(), name="api-item-picture"),
    path("items/<int:item_id>/heat-map/", review.ItemHeatMap.as_view(), name="api-item-heat-map"),
    path("items/<int:item_id>/decide/", review.Decide.as_view(), name="api-decide"),
    path("next/", review.Next.as_view(), name="api-next-item"),
    path("undo/", review.UndoDecision.as_view(), name="api-undo-decision"),
    path("disputes/", review.Disputes.as_view(), name="api-disputes"),
    path("accept/", review.Accept.as_view(), name="api-accept"),
    path("intakes/", review.Intakes.as_view(), name="api-intakes"),
    path("intakes/<int:intake_id>/", review.OneIntake.as_view(), name="api-intake"),
    path("intakes/<int:intake_id>/problems/", review.IntakeProblems.as_view(), name="api-intake-problems"),
    path("intakes/<int:intake_id>/cancel/", review.CancelIntake.as_view(), name="api-cancel-intake"),
]
in_dataset = [
    path("", datasets.OneDataset.as_view(), name="api-dataset"),
    path("members/", datasets.Members.as_view(), name="api-members"),
    *about_images,
    *about_imports,
    *about_versions,
    *about_runs,
    *about_results,
    path("reviews/", review.Queues.as_view(), name="api-review-queues"),
    path("reviews/<int:queue_id>/", include(in_queue)),
]
about_models = [
    path("models/", models.Models.as_view(), name="api-models"),
    path("models/active/", models.Active.as_view(), name="api-active"),
    path("models/roll-back/", models.RollBack.as_view(), name="api-roll-back"),
    path("models/<int:model_id>/", models.OneModel.as_view(), name="api-model"),
    path("models/<int:model_id>/archive/", models.ModelArchive.as_view(), name="api-model-archive"),
    path("models/<int:model_id>/activate/", models.Activate.as_view(), name="api-activate"),
    path("models/<int:model_id>/delete/", models.DeleteModel.as_view(), name="api-delete-model"),
    path("gate/", models.Gate.as_view(), name="api-gate"),
]
api = [
    path("", root.Root.as_view(), name="api-root"),
    path("schema/", root.Schema.as_view(), name="api-schema"),
    path("datasets/", datasets.Datasets.as_view(), name="api-datasets"),
    path("datasets/<str:dataset>/", include(in_dataset)),
    *about_models,
    path("recipes/", runs.Recipes.as_view(), name="api-recipes"),
    path("score/", score.Score.as_view(), name="api-score"),
    path("audit/", audit.AuditLog.as_view(), name="api-audit"),
    re_path(r"^(?P<rest>.*)$", root.Nowhere.as_view(), name="api-nowhere"),
]

urlpatterns = [
    path("api/", include(api)),
    path("oauth/authorize", oauth.Authorize.as_view(), name="oauth-authorize"),
    path("oauth/token", oauth.Token.as_view(), name="oauth-token"),
    path("oauth/revoke", oauth.Revoke.as_view(), name="oauth-revoke"),
    path("tokens", pages.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke", pages.revoke, name="revoke-token"),
    path("tokens/applications/<int:application_id>/forget", pages.forget, name="forget-application"),
    path("applications", pages.applications, name="applications"),
    path("applications/<int:application_id>/delete", pages.delete_application, name="delete-application"),
]
