"""Addresses of the API, of OAuth, and of the pages about tokens and applications."""

from django.urls import include, path, re_path

from studio.api import oauth, pages
from studio.api.views import audit, datasets, images, imports, root, runs, score, versions

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
in_dataset = [
    path("", datasets.OneDataset.as_view(), name="api-dataset"),
    path("members/", datasets.Members.as_view(), name="api-members"),
    *about_images,
    *about_imports,
    *about_versions,
    *about_runs,
    # Reviews, results and published models get lists of their own here, as they have rooms of their own.
]
api = [
    path("", root.Root.as_view(), name="api-root"),
    path("schema/", root.Schema.as_view(), name="api-schema"),
    path("datasets/", datasets.Datasets.as_view(), name="api-datasets"),
    path("datasets/<str:dataset>/", include(in_dataset)),
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
