"""Shapes of results and of published models, as answers and the description of the API have them."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from studio.api.shapes import WORK
from studio.publishing.models import ArtifactVersion, GateSetting
from studio.results.models import Evaluation
from studio.results.views import Shown


class EvaluationShape(serializers.ModelSerializer):
    """An evaluation of a run, alone or beside another run, and how far it is."""

    asked_by = serializers.CharField(source="asked_by.username")
    run = serializers.IntegerField(source="run_id")
    beside = serializers.IntegerField(source="beside_id", allow_null=True)

    class Meta:
        model = Evaluation
        fields: tuple[str, ...] = (*WORK, "run", "beside")


class FiguresRowShape(serializers.Serializer):
    """A line of a table: a text for each column."""

    name = serializers.CharField()
    cells = serializers.ListField(child=serializers.CharField())


class FiguresShape(serializers.Serializer):
    """A table, as its page shows it; `document` of the evaluation has the numbers themselves."""

    columns = serializers.ListField(child=serializers.CharField())
    rows = FiguresRowShape(many=True)


class VerdictShape(serializers.Serializer):
    """The class that a model predicts, and the probability that it gives it."""

    label = serializers.CharField()
    score = serializers.FloatField()


class GalleryEntryShape(serializers.Serializer):
    """An image that a model gets wrong, or that two models call differently."""

    number = serializers.IntegerField(source="entry.number")
    image = serializers.IntegerField(
        allow_null=True, help_text="Its key; null: the data set does not have it any more."
    )
    name = serializers.CharField(source="entry.name")
    sha256 = serializers.CharField(source="entry.sha256", help_text="Empty: it was drawn.")
    label = serializers.CharField(source="entry.label", help_text="That it has.")
    verdict = VerdictShape(source="entry.verdict")
    other = VerdictShape(source="entry.other", allow_null=True, help_text="Of the other run.")
    pictures = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_pictures(self, shown: Shown) -> dict[str, str]:
        """Their addresses, by what they are."""
        found = self.context
        return {
            kind: reverse(
                "api-evaluation-picture",
                kwargs={
                    "dataset": found["dataset"],
                    "evaluation_id": found["evaluation"],
                    "kind": kind,
                    "number": shown.entry.number,
                },
            )
            for kind, _ in shown.pictures
        }


class GalleryShape(serializers.Serializer):
    """How many such images there are, and some of each kind, the surest first."""

    total = serializers.IntegerField()
    entries = GalleryEntryShape(many=True)


class ResultsShape(serializers.Serializer):
    """How good a run's model is; all but `evaluation` is null until that is done."""

    evaluation = EvaluationShape(allow_null=True, help_text="Null: it has not been asked for yet.")
    figures = FiguresShape(allow_null=True)
    confusion = FiguresShape(allow_null=True, help_text="By label, how many images are predicted as what.")
    remarks = serializers.ListField(child=serializers.CharField(), allow_null=True)
    wrong = GalleryShape(allow_null=True)


class DifferenceOfRunsShape(serializers.Serializer):
    """By how much one run's share of right images exceeds the other's, and the interval of 95 %."""

    by = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class ComparisonShape(serializers.Serializer):
    """Two runs on the images that both held out; all but `evaluation` is null until that is done."""

    evaluation = EvaluationShape()
    figures = FiguresShape(allow_null=True)
    difference = DifferenceOfRunsShape(allow_null=True)
    differing = GalleryShape(allow_null=True)


class FindingShape(serializers.Serializer):
    """A number that the gate looks at."""

    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="Null: it was not measured, which is a miss.")
    least = serializers.FloatField(allow_null=True)
    most = serializers.FloatField(allow_null=True)
    is_missed = serializers.BooleanField()


class ModelShape(serializers.ModelSerializer):
    """A published version of a model."""

    run = serializers.IntegerField(source="run_id")
    dataset = serializers.CharField(source="run.version.dataset.name")
    published_by = serializers.CharField(source="published_by.username")

    class Meta:
        model = ArtifactVersion
        fields: tuple[str, ...] = (
            "id", "version", "dataset", "run", "digest", "note", "published_by", "published_at", "deleted_at",
        )  # fmt: skip


class OneModelShape(ModelShape):
    """A published version, its card, and what the gate found."""

    findings = serializers.ListField(child=serializers.CharField())
    card = serializers.SerializerMethodField()
    is_active = serializers.SerializerMethodField()
    why_kept = serializers.SerializerMethodField()

    class Meta(ModelShape.Meta):
        fields: tuple[str, ...] = (*ModelShape.Meta.fields, "findings", "card", "is_active", "why_kept")

    def get_card(self, _: Any) -> str:
        """The model card, as Markdown; empty where the files are deleted."""
        return str(self.context["card"])

    def get_is_active(self, _: Any) -> bool:
        """Whether it is the active version."""
        return bool(self.context["is_active"])

    def get_why_kept(self, _: Any) -> str:
        """Why it may not be deleted; empty: it may."""
        return str(self.context["why_kept"])


class GateOfRunShape(serializers.Serializer):
    """How a run stands before the gate."""

    findings = FindingShape(many=True, help_text="None, as long as the run has no evaluation.")
    missed = serializers.IntegerField()
    proposed_version = serializers.CharField(help_text="Empty, as long as the run has no evaluation.")
    published = ModelShape(many=True)


class ServedShape(serializers.Serializer):
    """What the model server says."""

    is_asked = serializers.BooleanField(help_text="Whether there is one to ask.")
    version = serializers.CharField(help_text="That it serves; empty where it did not say.")
    problem = serializers.CharField(help_text="Why not.")


class ActiveShape(serializers.Serializer):
    """Which version is active, which is served, and which a roll-back would make active."""

    active = ModelShape(allow_null=True)
    served = ServedShape()
    former = ModelShape(allow_null=True)


class GateSettingShape(serializers.ModelSerializer):
    """What an administrator has set: the thresholds that are not as by default."""

    values = serializers.DictField(child=serializers.FloatField(allow_null=True))
    set_by = serializers.CharField(source="set_by.username")

    class Meta:
        model = GateSetting
        fields: tuple[str, ...] = ("values", "why", "set_by", "set_at")


class ThresholdShape(serializers.Serializer):
    """A threshold of the gate; null: it is not looked at."""

    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    default = serializers.FloatField(allow_null=True)


class GateShape(serializers.Serializer):
    """The thresholds that count now, and how they came about, the newest first."""

    thresholds = ThresholdShape(many=True)
    history = GateSettingShape(many=True)
