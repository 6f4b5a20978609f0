"""Shapes of the review, as answers and the description of the API have them."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from studio.api.shapes import WORK, FailureShape
from studio.people.models import User
from studio.review.deciding import may_see_score
from studio.review.models import Decision, Intake, IntakeProblem, Item, Queue


class QueueShape(serializers.ModelSerializer):
    """A review queue."""

    positive = serializers.CharField(source="positive.name")
    is_blind = serializers.BooleanField(help_text="Whether scores are shown after one's decision alone.")
    made_by = serializers.CharField(source="made_by.username")

    class Meta:
        model = Queue
        fields: tuple[str, ...] = (
            "id", "name", "positive", "threshold", "sample_rate", "is_blind", "made_by", "made_at",
        )  # fmt: skip


class EstimateShape(serializers.Serializer):
    """A number from 0 to 1, and its interval of 95 %."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class PartShape(serializers.Serializer):
    """Some files, and what reviewers have settled about them."""

    name = serializers.CharField()
    files = serializers.IntegerField()
    yes = serializers.IntegerField()
    no = serializers.IntegerField()
    unsure = serializers.IntegerField()
    precision = EstimateShape(allow_null=True, help_text="Null: none is settled as yes or no.")


class QueueResultsShape(serializers.Serializer):
    """What the decisions in a queue say."""

    whole = PartShape(help_text="All alarms.")
    days = PartShape(many=True, help_text="Alarms by the day, in UTC, on which they were scored.")
    bands = PartShape(many=True, help_text="Alarms by their scores.")
    drawn = PartShape(help_text="Files below the threshold that were drawn.")
    below = serializers.IntegerField(help_text="How many files below the threshold there are.")
    recall = EstimateShape(allow_null=True, help_text="Null: it cannot be told.")


class OneQueueShape(QueueShape):
    """A review queue, and what the decisions in it say."""

    results = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()

    class Meta(QueueShape.Meta):
        fields: tuple[str, ...] = (*QueueShape.Meta.fields, "results", "waiting")

    @extend_schema_field(QueueResultsShape)
    def get_results(self, _: Queue) -> Any:
        """Precision and recall, as far as decisions tell."""
        return QueueResultsShape(self.context["results"]).data

    def get_waiting(self, _: Queue) -> int:
        """Settled items that wait to be accepted."""
        return int(self.context["waiting"])


class ItemShape(serializers.Serializer):
    """An item, as the reviewer who asks may see it now.

    What would tell whether it is an alarm is null in a blind queue, until that reviewer has decided.
    """

    id = serializers.IntegerField()
    filename = serializers.CharField()
    source_url = serializers.CharField()
    picture = serializers.SerializerMethodField()
    score = serializers.SerializerMethodField()
    model_version = serializers.SerializerMethodField()
    heat_map = serializers.SerializerMethodField()

    def get_picture(self, item: Item) -> str | None:
        """Its address; null: the studio has none."""
        return self._address("api-item-picture", item) if item.file_id else None

    def get_score(self, item: Item) -> float | None:
        """The probability of the class that the queue is about."""
        return item.score if self._is_seen(item) else None

    def get_model_version(self, item: Item) -> str | None:
        """Of the model that scored it."""
        return item.model_version if self._is_seen(item) else None

    def get_heat_map(self, item: Item) -> str | None:
        """Its address."""
        has_one = bool(item.file_id and item.heat_map_by)
        return self._address("api-item-heat-map", item) if has_one and self._is_seen(item) else None

    def _is_seen(self, item: Item) -> bool:
        reviewer: User = self.context["reviewer"]
        return may_see_score(reviewer, item)

    def _address(self, name: str, item: Item) -> str:
        named = {"dataset": self.context["dataset"], "queue_id": item.queue_id, "item_id": item.pk}
        return reverse(name, kwargs=named)


class DecisionShape(serializers.ModelSerializer):
    """What a reviewer has said of an item; others' answers are not told."""

    item = serializers.IntegerField(source="item_id")
    answer = serializers.CharField()

    class Meta:
        model = Decision
        fields: tuple[str, ...] = ("item", "answer", "at")


class NextShape(serializers.Serializer):
    """What a reviewer may decide about next."""

    item = ItemShape(allow_null=True, help_text="Null: there is nothing that you have not decided about.")
    last = DecisionShape(allow_null=True, help_text="Your last decision, which can be undone.")
    disputes = serializers.IntegerField(help_text="Disputes between others, which you may decide.")


class UndoneDecisionShape(serializers.Serializer):
    """The item about which a decision was taken back, if there was one."""

    item = serializers.IntegerField(allow_null=True)


class PostedShape(serializers.Serializer):
    """What became of a scored file."""

    item = serializers.IntegerField(
        allow_null=True, help_text="Its key; null: it is below the threshold and was not drawn."
    )


class PostedOfManyShape(serializers.Serializer):
    """What became of one of some scored files: one of both."""

    item = serializers.IntegerField(allow_null=True, required=False, help_text="As for a single file.")
    error = FailureShape(required=False)


class PostedFilesShape(serializers.Serializer):
    """What became of scored files, in their order."""

    results = serializers.ListField(child=PostedOfManyShape())


class AcceptedShape(serializers.Serializer):
    """How many items a data set took, and how many still wait."""

    accepted = serializers.IntegerField()
    waiting = serializers.IntegerField()


class IntakeShape(serializers.ModelSerializer):
    """Scored files that come into a queue, and how far that is."""

    asked_by = serializers.CharField(source="asked_by.username")
    kind = serializers.CharField(help_text="`table` or `posted`.")

    class Meta:
        model = Intake
        fields: tuple[str, ...] = (
            *WORK, "kind", "name", "total", "done", "known", "unscored", "refused",
        )  # fmt: skip


class IntakeProblemShape(serializers.ModelSerializer):
    """A row that did not come in, or a picture that nobody can see."""

    class Meta:
        model = IntakeProblem
        fields: tuple[str, ...] = ("id", "name", "reason")
