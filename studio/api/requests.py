"""Requests: what the body of one may say. Rules that the pages share stand where the pages have them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from studio.images.models import DEFAULT_CLASSES, MAX_CLASSES, MAX_TEXT_CHARS, Import, is_plain_name
from studio.images.selection import IMAGES_PER_PAGE, NO_LABEL, ORDERS, RANGES
from studio.images.views.imports import DEPTH
from studio.images.views.imports import FILES as CATEGORY_FILES
from studio.images.wiki import MAX_DEPTH
from studio.images.wiki import MAX_FILES as MAX_CATEGORY_FILES
from studio.people.models import Role, User
from studio.publishing.gate import DEFAULTS
from studio.publishing.models import MAX_VERSION_CHARS, is_version
from studio.review import models as review

MAX_FILES = 1000
"""Of an import, where they come one by one."""
MAX_SCORED = 50
MAX_POSTED = 50
"""Scored files of a request."""
MAX_WHY_CHARS = 300
MAX_NUMBERS = 100
"""Of a recipe that a run changes."""
MAX_KEY = 2**63 - 1
MAX_NUMBER = 999_999_999
"""Of a version."""


@extend_schema_field(OpenApiTypes.BYTE)
class Base64Field(serializers.CharField):
    """A file as base64 text. It stays text: whoever needs its bytes decodes it."""

    def __init__(self, **named: Any) -> None:
        super().__init__(trim_whitespace=False, allow_blank=True, **named)


class DatasetRequest(serializers.Serializer):
    """A new data set."""

    name = serializers.CharField(max_length=60)
    description = serializers.CharField(max_length=500, default="", allow_blank=True)
    classes = serializers.ListField(
        child=serializers.CharField(max_length=60, validators=[is_plain_name]),
        default=list(DEFAULT_CLASSES),
        min_length=2,
        max_length=MAX_CLASSES,
        help_text="The classes, of which `out_of_domain` is what is none of the others.",
    )


class MemberRequest(serializers.Serializer):
    """A role for a user."""

    user = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.filter(is_active=True))
    role = serializers.ChoiceField([role.label for role in Role])


class LabelRequest(serializers.Serializer):
    """A label for an image."""

    label = serializers.CharField(
        max_length=60, help_text=f"The name of a class; `{NO_LABEL}` takes the label away."
    )
    why = serializers.CharField(max_length=MAX_WHY_CHARS, default="", allow_blank=True)


class LabelsRequest(LabelRequest):
    """A label for some images."""

    images = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_KEY),
        min_length=1,
        max_length=IMAGES_PER_PAGE,
        help_text="Keys of images.",
    )


class SelectionQuery(serializers.Serializer):
    """Which images, as the grid's filters have it."""

    label = serializers.CharField(
        max_length=60, required=False, help_text=f"The name of a class, or `{NO_LABEL}`: without a label."
    )
    source = serializers.CharField(max_length=MAX_TEXT_CHARS, required=False, help_text="Exactly.")
    order = serializers.ChoiceField(list(ORDERS), required=False)

    def get_fields(self) -> dict[str, Any]:
        """Two more for each number that images are filtered by."""
        bounds = {
            f"{name}_{end}": serializers.FloatField(min_value=0, max_value=1, required=False)
            for name in RANGES
            for end in ("min", "max")
        }
        return {**super().get_fields(), **bounds}


class ImagesQuery(SelectionQuery):
    """Which page of which images."""

    after = serializers.CharField(
        max_length=60, required=False, help_text="The place in the order after which the page begins."
    )
    size = serializers.IntegerField(min_value=1, max_value=200, default=IMAGES_PER_PAGE)


class SelectionLabelRequest(SelectionQuery):
    """A label for all images of a selection."""

    new_label = serializers.CharField(
        max_length=60, help_text=f"The name of a class; `{NO_LABEL}` takes labels away."
    )
    why = serializers.CharField(max_length=MAX_WHY_CHARS, default="", allow_blank=True)
    sure = serializers.IntegerField(
        min_value=0,
        max_value=MAX_KEY,
        help_text="How many images there are: with another number nothing changes.",
    )


class EmptyRequest(serializers.Serializer):
    """Nothing."""


class InlineFile(serializers.Serializer):
    """A file in a JSON body."""

    filename = serializers.CharField(max_length=MAX_TEXT_CHARS)
    content = Base64Field()


class ImportRequest(serializers.Serializer):
    """What is to come in: pictures, one zip archive of them, a folder of the machine, or a category."""

    labels = serializers.ChoiceField(Import.Labels.choices)
    label = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text="Of all, where `labels` is `one`."
    )
    folder = serializers.CharField(
        max_length=500,
        default="",
        allow_blank=True,
        help_text="A folder or a manifest, below the studio's folder for imports.",
    )
    category = serializers.CharField(
        max_length=300,
        default="",
        allow_blank=True,
        help_text="A category of Wikimedia Commons, such as `Category:Logos of companies`.",
    )
    depth = serializers.IntegerField(
        min_value=0, max_value=MAX_DEPTH, default=DEPTH, help_text="Levels of its subcategories."
    )
    most = serializers.IntegerField(
        min_value=1,
        max_value=MAX_CATEGORY_FILES,
        default=CATEGORY_FILES,
        help_text="So many of its files at most, drawn by chance.",
    )
    uploads = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        max_length=MAX_FILES,
        help_text="Files, of a multipart body.",
    )
    files = serializers.ListField(
        child=InlineFile(), required=False, max_length=MAX_FILES, help_text="Files, of a JSON body."
    )


class VersionRequest(serializers.Serializer):
    """A new version."""

    note = serializers.CharField(max_length=300, default="", allow_blank=True)


class RunRequest(serializers.Serializer):
    """A training."""

    version = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
    recipe = serializers.CharField(max_length=100)
    numbers = serializers.DictField(
        child=serializers.FloatField(),
        default=dict,
        help_text="Numbers of the recipe that are changed, by place: see `/api/recipes/`.",
    )

    def validate_numbers(self, numbers: Mapping[str, float]) -> Mapping[str, float]:
        """No more than any recipe has."""
        if len(numbers) > MAX_NUMBERS:
            raise serializers.ValidationError(f"At most {MAX_NUMBERS}.")
        return numbers


class ScoredFile(serializers.Serializer):
    """A picture in a JSON body."""

    filename = serializers.CharField(max_length=1024, default="", allow_blank=True, trim_whitespace=False)
    image = Base64Field()


class ScoreRequest(serializers.Serializer):
    """Pictures to score."""

    uploads = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        max_length=MAX_SCORED,
        help_text="Pictures, of a multipart body.",
    )
    images = serializers.ListField(
        child=ScoredFile(), required=False, max_length=MAX_SCORED, help_text="Pictures, of a JSON body."
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Some of the one kind or the other."""
        if bool(values.get("uploads")) == bool(values.get("images")):
            raise serializers.ValidationError(
                f"Send 1 to {MAX_SCORED} pictures, as `images` or as `uploads`."
            )
        return values


class ComparisonRequest(serializers.Serializer):
    """A comparison of a run with another."""

    other = serializers.IntegerField(min_value=1, max_value=MAX_KEY, help_text="The other run.")


class PublishRequest(serializers.Serializer):
    """A version that a run's model gets."""

    version = serializers.CharField(
        max_length=MAX_VERSION_CHARS, validators=[is_version], help_text="Nobody has used it yet."
    )
    note = serializers.CharField(max_length=300, default="", allow_blank=True)


class GateRequest(serializers.Serializer):
    """The gate's thresholds."""

    why = serializers.CharField(max_length=300, help_text="Stands in the audit log.")
    thresholds = serializers.DictField(
        child=serializers.FloatField(allow_null=True),
        default=dict,
        help_text="By name; those that are not named get their default. Null: it is not looked at.",
    )

    def validate_thresholds(self, thresholds: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """No other than there are."""
        if unknown := sorted(set(thresholds) - set(DEFAULTS)):
            raise serializers.ValidationError(f"{unknown[0]!r} is none of {', '.join(DEFAULTS)}.")
        return thresholds


class QueueRequest(serializers.Serializer):
    """A new review queue. Neither its threshold nor its sampling rate ever change."""

    name = serializers.CharField(max_length=60)
    positive = serializers.CharField(max_length=60, help_text="The class that an alarm says a file is of.")
    threshold = serializers.FloatField(
        min_value=0, max_value=1, help_text="A score from which on a file is an alarm."
    )
    sample_rate = serializers.FloatField(
        min_value=0, max_value=1, default=0.0, help_text="The share of the other files that is shown, too."
    )


class PostedFile(serializers.Serializer):
    """A file that a model has scored, with its address, or a picture, or both."""

    filename = serializers.CharField(max_length=review.MAX_FILENAME_CHARS, trim_whitespace=False)
    score = serializers.FloatField(
        min_value=0, max_value=1, help_text="The probability of the class that the queue is about."
    )
    model_version = serializers.CharField(max_length=review.MAX_VERSION_CHARS)
    source_url = serializers.CharField(
        max_length=review.MAX_SOURCE_CHARS,
        default="",
        allow_blank=True,
        help_text="An https address of a host of `STUDIO_SOURCE_HOSTS`.",
    )
    scored_at = serializers.DateTimeField(
        required=False, help_text="Now, unless it is said; in UTC where it has no time zone."
    )
    picture = Base64Field(required=False)


class PostRequest(PostedFile):
    """A file that a model has scored."""

    upload = serializers.FileField(
        required=False, allow_empty_file=True, help_text="The picture, of a multipart body."
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """One picture at most."""
        if "picture" in values and "upload" in values:
            raise serializers.ValidationError("Send the picture as `picture` or as `upload`.")
        return values


class PostsRequest(serializers.Serializer):
    """Some files that a model has scored."""

    files = serializers.ListField(child=PostedFile(), min_length=1, max_length=MAX_POSTED)


class DecisionRequest(serializers.Serializer):
    """What a reviewer says: whether the item shows what the queue is about."""

    answer = serializers.ChoiceField(review.Answer.values)


class AcceptRequest(serializers.Serializer):
    """The data set that takes what reviewers agree on."""

    into = serializers.CharField(
        max_length=60, default="", allow_blank=True, help_text="That of the queue, unless another is named."
    )


class IntakeRequest(serializers.Serializer):
    """A table of `logo-batch`, and where its pictures are, below the studio's folder for imports."""

    table = serializers.CharField(max_length=500)
    pictures = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="The folder in which names are looked up."
    )
