"""Pages: imports, what comes of them, and duplicates."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from studio.background.claims import ask_to_cancel
from studio.background.models import OPEN_STATES
from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset
from studio.images.candidates import ImportRefused
from studio.images.folders import find_below
from studio.images.models import Dataset, Import, LabelClass
from studio.images.uploads import Uploads
from studio.people import audit
from studio.people.models import Role

MAX_OPEN = 20
"""Imports of a data set that wait or run."""
PAIRS_PER_PAGE = 50


class ImportForm(forms.Form):
    """What is to come in: files, or an archive of them, or a folder; and where labels come from."""

    uploads = forms.FileField(
        required=False,
        widget=forms.ClearableFileInput(),
        help_text="Pictures, or one zip archive of pictures.",
    )
    folder = forms.CharField(
        required=False,
        max_length=500,
        help_text="Or a folder or a manifest, below the studio's folder for imports.",
    )
    labels = forms.ChoiceField(choices=Import.Labels.choices)
    label = forms.ModelChoiceField(LabelClass.objects.none(), required=False)

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["label"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  as it is declared
        field.queryset = dataset.classes.all()
        self.fields["uploads"].widget.attrs["multiple"] = True
        if STUDIO.import_folder is None:
            del self.fields["folder"]

    def clean(self) -> dict[str, Any]:
        """Exactly one source; a label where there is one for all."""
        values = super().clean() or self.cleaned_data
        files = self.files.getlist("uploads") if hasattr(self.files, "getlist") else []
        if bool(files) == bool(values.get("folder")):
            raise ValidationError("Choose files, or name a folder.")
        if values.get("labels") == Import.Labels.ONE and not values.get("label"):
            raise ValidationError("Choose the label that all get.")
        values["uploads"] = files
        return values


@require_GET
@in_dataset(Role.VIEWER)
def imports(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The imports of a data set, the newest first."""
    return render(request, "images/imports.html", _imports(visit, ImportForm(visit.dataset)))


@require_POST
@in_dataset(Role.TRAINER)
def add_import(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Ask for an import."""
    form = ImportForm(visit.dataset, request.POST, request.FILES)
    if form.is_valid() and visit.dataset.imports.filter(state__in=OPEN_STATES).count() >= MAX_OPEN:
        form.add_error(None, f"{MAX_OPEN} imports wait already.")
    if form.is_valid():
        try:
            return redirect("import", visit.dataset.name, _ask(visit, form.cleaned_data).pk)
        except ImportRefused as error:
            form.add_error(None, str(error))
    return render(request, "images/imports.html", _imports(visit, form), status=400)


@require_GET
@in_dataset(Role.VIEWER)
def import_page(request: HttpRequest, visit: Visit, import_id: int) -> HttpResponseBase:
    """How far an import is; asked by htmx, the part of the page that changes."""
    found = get_object_or_404(visit.dataset.imports, pk=import_id)
    context = {"visit": visit, "import": found, "problems": found.problems.order_by("pk")[:1000]}
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "images/import_progress.html" if is_part else "images/import.html", context)


@require_POST
@in_dataset(Role.TRAINER)
def cancel_import(_: HttpRequest, visit: Visit, import_id: int) -> HttpResponseBase:
    """Cancel an import; what it has brought in stays."""
    found = get_object_or_404(visit.dataset.imports, pk=import_id)
    if ask_to_cancel(found):
        found.refresh_from_db()
        if not found.is_open and found.kind != Import.Kind.FOLDER:  # else the runner removes them
            _uploads().drop(found.path)
        audit.record(visit.user, "cancel import", visit.dataset, found.name)
    return redirect("import", visit.dataset.name, found.pk)


@require_GET
@in_dataset(Role.VIEWER)
def duplicates(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Pairs of images that look the same."""
    pairs = visit.dataset.near_duplicates.select_related("left__label", "right__label").order_by("-pk")
    page = Paginator(pairs, PAIRS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "images/duplicates.html", {"visit": visit, "page": page})


def _imports(visit: Visit, form: ImportForm) -> dict[str, Any]:
    listed = visit.dataset.imports.select_related("asked_by").order_by("-pk")[:100]
    return {"visit": visit, "imports": listed, "form": form}


def _ask(visit: Visit, values: dict[str, Any]) -> Import:
    kind, name, path = _source(values)
    with transaction.atomic():
        made = Import.objects.create(
            dataset=visit.dataset,
            kind=kind,
            name=name,
            path=path,
            labels=values["labels"],
            label=values["label"] if values["labels"] == Import.Labels.ONE else None,
            asked_by=visit.user,
        )
        audit.record(visit.user, "import", visit.dataset, f"{kind}: {name}")
    return made


def _source(values: dict[str, Any]) -> tuple[Import.Kind, str, str]:
    """The kind, the name and the place of what is to come in; uploads are kept first."""
    if folder := values.get("folder"):
        assert STUDIO.import_folder is not None  # noqa: S101  else the form has no such field
        return Import.Kind.FOLDER, folder, str(find_below(STUDIO.import_folder, folder))
    files: list[TemporaryUploadedFile] = values["uploads"]
    names = [file.name or "" for file in files]
    archives = [name for name in names if name.lower().endswith(".zip")]
    if archives and len(files) > 1:
        raise ImportRefused("an archive comes alone")
    token = _uploads().keep(files)
    if archives:
        return Import.Kind.ZIP, names[0], token
    return Import.Kind.FILES, names[0] if len(names) == 1 else f"{len(names)} files", token


def _uploads() -> Uploads:
    return Uploads(STUDIO.data / "uploads")
