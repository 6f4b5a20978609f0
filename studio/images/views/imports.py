"""Pages: imports, what comes of them, and duplicates."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from studio.background.claims import WorkRefused
from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset
from studio.images.asking import WantedImport, ask_for_import, cancel_import
from studio.images.candidates import ImportRefused
from studio.images.models import Dataset, Import, LabelClass
from studio.images.views.grid import refused
from studio.images.wiki import MAX_DEPTH, MAX_FILES, CategoryRequest
from studio.people.models import Role

PAIRS_PER_PAGE = 50
DEPTH, FILES = 2, 500
"""Of a category, where nothing else is asked for."""


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
    category = forms.CharField(
        required=False,
        max_length=300,
        help_text="Or a category of Wikimedia Commons, such as Category:Logos of companies.",
    )
    depth = forms.IntegerField(
        required=False, min_value=0, max_value=MAX_DEPTH, help_text="Levels of its subcategories; 2 if empty."
    )
    most = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_FILES,
        help_text="So many of its files at most, drawn by chance; 500 if empty.",
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
        if STUDIO.contact is None:
            for name in ("category", "depth", "most"):
                del self.fields[name]

    def wanted(self) -> WantedImport:
        """What it asks for, once it is valid."""
        values = self.cleaned_data
        files: tuple[Any, ...] = tuple(self.files.getlist("uploads"))  # temporary, as no other handler is set
        category = None
        if title := values.get("category"):
            depth, most = values.get("depth"), values.get("most")
            category = CategoryRequest(title, DEPTH if depth is None else depth, most or FILES)
        return WantedImport(values["labels"], files, values.get("folder", ""), category, values["label"])


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
    if form.is_valid():
        try:
            made = ask_for_import(visit.user, visit.dataset, form.wanted(), STUDIO)
            return redirect("import", visit.dataset.name, made.pk)
        except ImportRefused as error:
            form.add_error(error.field, str(error))
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
def cancel(request: HttpRequest, visit: Visit, import_id: int) -> HttpResponseBase:
    """Cancel an import; what it has brought in stays."""
    found = get_object_or_404(visit.dataset.imports, pk=import_id)
    try:
        cancel_import(visit.user, found, STUDIO)
    except WorkRefused as error:
        return refused(request, visit, str(error), 409)
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
