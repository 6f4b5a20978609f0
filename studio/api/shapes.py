"""Shapes: what rows look like in an answer, and in the description of the API."""

import math
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from studio.images.models import (
    UNKNOWN,
    Change,
    Dataset,
    Image,
    Import,
    Labelling,
    NearDuplicate,
    Problem,
    Version,
)
from studio.people.models import AuditEntry
from studio.runs.models import Run

MAX_LABELLINGS = 100
"""Of an image, the newest first."""


class NumberField(serializers.FloatField):
    """A score, an uncertainty or a disagreement; null where it is not known."""

    def __init__(self, **named: Any) -> None:
        super().__init__(allow_null=True, read_only=True, **named)

    def to_representation(self, value: float) -> float | None:
        """As JSON has it."""
        return None if value == UNKNOWN else float(value)


class FiniteField(serializers.FloatField):
    """A number of a training, which may have diverged: null where it is none that JSON has."""

    def __init__(self, **named: Any) -> None:
        super().__init__(allow_null=True, read_only=True, **named)

    def to_representation(self, value: float) -> float | None:
        """As JSON has it."""
        return float(value) if math.isfinite(value) else None


class ErrorShape(serializers.Serializer):
    """Why a request was refused."""

    error = serializers.CharField(help_text="In one line.")
    code = serializers.CharField()
    fields = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="What is wrong with each field."
    )


class ClassShape(serializers.Serializer):
    """A class of a data set."""

    name = serializers.CharField()
    key = serializers.IntegerField(help_text="The digit that labels with it.")


class DatasetShape(serializers.ModelSerializer):
    """A data set."""

    made_by = serializers.CharField(source="made_by.username")

    class Meta:
        model = Dataset
        fields: tuple[str, ...] = ("name", "description", "made_at", "made_by")


class OneDatasetShape(DatasetShape):
    """A data set, what is in it, and what the caller may do there."""

    role = serializers.CharField(help_text="The caller's, as far as the token's scope lets it be used.")
    classes = ClassShape(many=True)
    balance = serializers.DictField(
        child=serializers.IntegerField(), help_text="Images by class; `-`: without a label."
    )

    class Meta(DatasetShape.Meta):
        fields: tuple[str, ...] = (*DatasetShape.Meta.fields, "role", "classes", "balance")


class MemberShape(serializers.Serializer):
    """A member of a data set."""

    user = serializers.CharField(source="user.username")
    role = serializers.CharField(source="get_role_display")


class ImageShape(serializers.ModelSerializer):
    """An image of a data set."""

    sha256 = serializers.CharField(source="file_id")
    label = serializers.CharField(source="label.name", default=None, allow_null=True)
    score = NumberField()
    uncertainty = NumberField()
    disagreement = NumberField()
    thumbnail = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields: tuple[str, ...] = (
            "id", "name", "sha256", "label", "score", "uncertainty", "disagreement", "source", "category",
            "original", "licence", "author", "added_at", "thumbnail",
        )  # fmt: skip

    def get_thumbnail(self, image: Image) -> str:
        """Its address."""
        dataset = image.dataset.name
        return reverse("api-thumbnail", kwargs={"dataset": dataset, "image_id": image.pk})


class LabellingShape(serializers.ModelSerializer):
    """What a change did to an image."""

    change = serializers.IntegerField(source="change_id")
    kind = serializers.CharField(source="change.kind")
    by = serializers.CharField(source="change.by.username")
    at = serializers.DateTimeField(source="change.at")
    why = serializers.CharField(source="change.why")
    before = serializers.CharField(source="before.name", default=None, allow_null=True)
    after = serializers.CharField(source="after.name", default=None, allow_null=True)

    class Meta:
        model = Labelling
        fields: tuple[str, ...] = ("change", "kind", "by", "at", "why", "before", "after")


class OneImageShape(ImageShape):
    """An image, what is known of its file, and what became of its label."""

    bytes = serializers.IntegerField(source="file.bytes")
    format = serializers.CharField(source="file.format")
    width = serializers.IntegerField(source="file.width")
    height = serializers.IntegerField(source="file.height")
    scores = serializers.DictField(source="file.scores", child=serializers.FloatField())
    scored_by = serializers.CharField(source="file.scored_by")
    metadata = serializers.DictField(child=serializers.CharField())
    preview = serializers.SerializerMethodField()
    labellings = serializers.SerializerMethodField()

    class Meta(ImageShape.Meta):
        fields: tuple[str, ...] = (
            *ImageShape.Meta.fields, "bytes", "format", "width", "height", "scores", "scored_by", "metadata",
            "preview", "labellings",
        )  # fmt: skip

    def get_preview(self, image: Image) -> str:
        """Its address."""
        return reverse("api-preview", kwargs={"dataset": image.dataset.name, "image_id": image.pk})

    @extend_schema_field(LabellingShape(many=True))
    def get_labellings(self, image: Image) -> list[Any]:
        """The newest first."""
        rows = image.labellings.select_related("change__by", "before", "after").order_by("-pk")
        shown: list[Any] = LabellingShape(rows[:MAX_LABELLINGS], many=True).data
        return shown


class ChangeShape(serializers.ModelSerializer):
    """A change of labels."""

    by = serializers.CharField(source="by.username")
    undoes = serializers.IntegerField(source="undoes_id", allow_null=True)
    undone_by = serializers.IntegerField(source="undone_by.pk", default=None, allow_null=True)

    class Meta:
        model = Change
        fields: tuple[str, ...] = ("id", "kind", "by", "at", "why", "images", "undoes", "undone_by")


class PairShape(serializers.ModelSerializer):
    """Two images that look the same."""

    left = ImageShape()
    right = ImageShape()

    class Meta:
        model = NearDuplicate
        fields: tuple[str, ...] = ("id", "left", "right")


WORK = ("id", "state", "asked_by", "asked_at", "started_at", "ended_at", "message")


class ImportShape(serializers.ModelSerializer):
    """An import, and how far it is."""

    asked_by = serializers.CharField(source="asked_by.username")

    class Meta:
        model = Import
        fields: tuple[str, ...] = (
            *WORK,
            "kind",
            "name",
            "labels",
            "total",
            "done",
            "added",
            "known",
            "refused",
        )


class ProblemShape(serializers.ModelSerializer):
    """A file that an import refused."""

    class Meta:
        model = Problem
        fields: tuple[str, ...] = ("id", "name", "reason")


class VersionShape(serializers.ModelSerializer):
    """A version of a data set."""

    made_by = serializers.CharField(source="made_by.username")
    balance = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = Version
        fields: tuple[str, ...] = ("number", "digest", "note", "images", "balance", "made_by", "made_at")


class DifferentShape(serializers.Serializer):
    """An image that two versions do not have alike."""

    sha256 = serializers.CharField()
    former = serializers.CharField(allow_null=True, help_text="Its label in the former version.")
    label = serializers.CharField(allow_null=True, help_text="Its label in this one.")


class DifferenceShape(serializers.Serializer):
    """What has changed from a former version to another; of each kind the first 1,000 images."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    relabelled = serializers.IntegerField()
    images = DifferentShape(many=True)


class NumberShape(serializers.Serializer):
    """A number of a recipe that may be changed."""

    place = serializers.CharField()
    value = serializers.FloatField()
    low = serializers.FloatField(source="bounds.low")
    high = serializers.FloatField(source="bounds.high")
    is_integer = serializers.BooleanField(source="bounds.is_integer")


class RecipeShape(serializers.Serializer):
    """A recipe."""

    name = serializers.CharField()
    numbers = NumberShape(many=True)


class RunShape(serializers.ModelSerializer):
    """A run."""

    asked_by = serializers.CharField(source="asked_by.username")
    version = serializers.IntegerField(source="version.number")
    changes = serializers.DictField(child=serializers.FloatField())

    class Meta:
        model = Run
        fields: tuple[str, ...] = (*WORK, "version", "recipe", "changes", "attempts")


class CurveShape(serializers.Serializer):
    """A number of a run's history."""

    name = serializers.CharField()
    low = FiniteField()
    high = FiniteField()
    last = FiniteField()


class ProgressShape(serializers.Serializer):
    """How far a run is."""

    step = serializers.IntegerField()
    steps = serializers.IntegerField()
    curves = CurveShape(many=True)
    log = serializers.CharField(help_text="The end of it.")


class OneRunShape(RunShape):
    """A run, and how far it is."""

    progress = ProgressShape()

    class Meta(RunShape.Meta):
        fields: tuple[str, ...] = (*RunShape.Meta.fields, "progress")


class AuditShape(serializers.ModelSerializer):
    """An entry of the audit log."""

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = ("id", "at", "who", "action", "target", "details")


class UndoneShape(serializers.Serializer):
    """A change, if there was one."""

    change = serializers.IntegerField(allow_null=True)


class FailureShape(serializers.Serializer):
    """Why a picture has no score: a code of docs/api.md."""

    code = serializers.CharField()
    message = serializers.CharField()


class PredictionShape(serializers.Serializer):
    """A picture's scores by class, or why it has none."""

    filename = serializers.CharField()
    scores = serializers.DictField(child=serializers.FloatField(), required=False)
    error = FailureShape(required=False)


class ScoreShape(serializers.Serializer):
    """What came of some pictures, in their order."""

    model = serializers.CharField()
    predictions = PredictionShape(many=True)


class RootShape(serializers.Serializer):
    """Who calls, and where to go on."""

    user = serializers.CharField()
    role = serializers.CharField(help_text="Over all data sets, as far as the token's scope lets it be used.")
    through = serializers.CharField(help_text="The token or application; empty: a browser's session.")
    addresses = serializers.DictField(child=serializers.CharField())
