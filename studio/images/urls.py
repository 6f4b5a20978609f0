"""Addresses of the pages about images."""

from django.urls import include, path

from studio.images.views import datasets, grid, imports, pictures, versions

in_dataset = [
    path("", grid.grid, name="dataset"),
    path("queue", grid.queue, name="queue"),
    path("images/<int:image_id>", grid.single, name="image"),
    path("images/<int:image_id>/thumbnail", pictures.thumbnail, name="thumbnail"),
    path("images/<int:image_id>/preview", pictures.preview, name="preview"),
    path("label", grid.label, name="label"),
    path("label-selection", grid.label_selection, name="label-selection"),
    path("undo", grid.undo_last, name="undo"),
    path("history", grid.history, name="history"),
    path("history/<int:change_id>/undo", grid.undo_change, name="undo-change"),
    path("members", datasets.members, name="members"),
    path("imports", imports.imports, name="imports"),
    path("imports/add", imports.add_import, name="add-import"),
    path("imports/<int:import_id>", imports.import_page, name="import"),
    path("imports/<int:import_id>/cancel", imports.cancel, name="cancel-import"),
    path("duplicates", imports.duplicates, name="duplicates"),
    path("versions", versions.versions, name="versions"),
    path("versions/add", versions.add_version, name="add-version"),
    path("versions/<int:number>", versions.version, name="version"),
    path("versions/<int:number>/manifest.csv", versions.manifest, name="version-manifest"),
    path("versions/<int:number>/folder.zip", versions.folder, name="version-folder"),
    path("versions/<int:number>/since/<int:former>", versions.difference, name="difference"),
]

urlpatterns = [
    path("", datasets.home, name="home"),
    path("datasets/add", datasets.add_dataset, name="add-dataset"),
    path("datasets/<str:dataset>/", include(in_dataset)),
]
