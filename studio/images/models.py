"""Data sets: their classes, members, images, labels and versions."""

from django.core.validators import RegexValidator
from django.db import models

from logo_detection.artifact import OUT_OF_DOMAIN
from studio.background.models import Work
from studio.people.models import Role, User

MAX_CLASSES = 9
"""Of a data set: the keys 1 to 9 name them."""
DEFAULT_CLASSES = (OUT_OF_DOMAIN, "logo")

is_plain_name = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z", "letters, digits, dot, hyphen and underscore; the first one no sign"
)
"""As recipes and folders have it."""


class Dataset(models.Model):
    """A set of images. Its name stands in addresses and files, and is never changed."""

    name = models.CharField(max_length=60, unique=True, validators=[is_plain_name])
    description = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.name


class LabelClass(models.Model):
    """A class of a data set, which images are labelled with; `key` is the digit that does it."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="classes")
    name = models.CharField(max_length=60, validators=[is_plain_name])
    key = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("key",)
        constraints = (
            models.UniqueConstraint(fields=["dataset", "name"], name="class_name_once"),
            models.UniqueConstraint(fields=["dataset", "key"], name="class_key_once"),
        )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in one data set, where it is higher than the user's role over all."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "user"], name="member_once"),)


UNKNOWN = -1.0
"""A score, an uncertainty or a disagreement that is not known; all others are 0 to 1."""

MAX_TEXT_CHARS = 500


class File(models.Model):
    """A file in the store, which any number of data sets may hold.

    Attributes:
        colours: Its fingerprint, uint8[16 * 16 * 3]; empty where it shows too little to be compared.
        stretch: ln(width / height), of the same.
        scores: Probabilities by label, as the model `scored_by` gives them.
    """

    sha256 = models.CharField(max_length=64, primary_key=True)
    bytes = models.PositiveBigIntegerField()
    format = models.CharField(max_length=8)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    colours = models.BinaryField(default=b"")
    stretch = models.FloatField(default=0)
    scores = models.JSONField(default=dict)
    scored_by = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.sha256


class Import(Work):
    """Images that come into a data set: what comes, and how far it is.

    Attributes:
        kind: Decides how `path` is read: uploaded files, an uploaded archive, a folder or manifest, a request
            to a wiki. What a review has accepted is in the data set already, and has no path.
        name: What people call it.
        path: Where it lies: a folder, or a token of `studio.images.uploads`.
        labels: Where labels come from: folders and manifests, `label` for all, or nowhere.
        known: How many were in the data set already.
        refused: How many did not come in; the first of them are `Problem`s.
    """

    class Kind(models.TextChoices):
        FILES = "files"
        ZIP = "zip"
        FOLDER = "folder"
        COMMONS = "commons"
        REVIEW = "review"

    class Labels(models.TextChoices):
        FOLDERS = "folders", "as folders or the manifest say"
        ONE = "one", "one label for all"
        NONE = "none", "no labels"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=MAX_TEXT_CHARS)
    path = models.CharField(max_length=1000)
    labels = models.CharField(max_length=8, choices=Labels.choices)
    label = models.ForeignKey(LabelClass, models.PROTECT, null=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)


class Problem(models.Model):
    """A file that an import refused, and why."""

    of = models.ForeignKey(Import, models.CASCADE, related_name="problems")
    name = models.CharField(max_length=MAX_TEXT_CHARS)
    reason = models.CharField(max_length=300)


class Image(models.Model):
    """A file in a data set.

    Its label, and the numbers that are filtered and ordered by, stand here a second time, so that an index
    finds them. `studio.images.labelling` and `studio.images.scores` alone write them.

    Attributes:
        score: How likely it is something other than out of domain.
        uncertainty: 1 less the probability of its likeliest class.
        disagreement: 1 less the probability of the class that it is labelled with.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="images")
    file = models.ForeignKey(File, models.PROTECT, related_name="images")
    brought_by = models.ForeignKey(Import, models.PROTECT, related_name="images")
    name = models.CharField(max_length=MAX_TEXT_CHARS)
    source = models.CharField(max_length=MAX_TEXT_CHARS, blank=True)
    category = models.CharField(max_length=MAX_TEXT_CHARS, blank=True)
    original = models.CharField(max_length=MAX_TEXT_CHARS, blank=True)
    licence = models.CharField(max_length=MAX_TEXT_CHARS, blank=True)
    author = models.CharField(max_length=MAX_TEXT_CHARS, blank=True)
    metadata = models.JSONField(default=dict)
    added_at = models.DateTimeField(auto_now_add=True)
    label = models.ForeignKey(LabelClass, models.PROTECT, null=True, db_index=False)
    score = models.FloatField(default=UNKNOWN)
    uncertainty = models.FloatField(default=UNKNOWN)
    disagreement = models.FloatField(default=UNKNOWN)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "file"], name="file_once_in_dataset"),)
        indexes = (
            models.Index(fields=["dataset", "id"], name="image_id"),
            models.Index(fields=["dataset", "label", "id"], name="image_label"),
            models.Index(fields=["dataset", "source", "id"], name="image_source"),
            models.Index(fields=["dataset", "score", "id"], name="image_score"),
            models.Index(fields=["dataset", "uncertainty", "id"], name="image_uncertainty"),
            models.Index(fields=["dataset", "disagreement", "id"], name="image_disagreement"),
            models.Index(fields=["dataset", "label", "uncertainty", "id"], name="image_queue"),
            models.Index(fields=["dataset", "label", "score", "id"], name="image_label_score"),
        )


class Change(models.Model):
    """Labels that somebody changed at one time; how many images that were is `images`."""

    class Kind(models.TextChoices):
        LABEL = "label"
        BULK = "bulk"
        IMPORT = "import"
        UNDO = "undo"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    why = models.CharField(max_length=300, blank=True)
    images = models.PositiveIntegerField()
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")


class Labelling(models.Model):
    """An image's label before and after a change; None: it had none, or has none."""

    change = models.ForeignKey(Change, models.CASCADE, related_name="labellings")
    image = models.ForeignKey(Image, models.CASCADE, related_name="labellings")
    before = models.ForeignKey(LabelClass, models.PROTECT, null=True, related_name="+", db_index=False)
    after = models.ForeignKey(LabelClass, models.PROTECT, null=True, related_name="+", db_index=False)


class NearDuplicate(models.Model):
    """Two images of a data set that look the same; the left one came first."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="near_duplicates")
    left = models.ForeignKey(Image, models.CASCADE, related_name="+")
    right = models.ForeignKey(Image, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["left", "right"], name="pair_once"),)

    @property
    def both(self) -> tuple[Image, Image]:
        return self.left, self.right


class Version(models.Model):
    """What a data set's labelled images were at one time. Neither it nor its files ever change.

    Attributes:
        digest: SHA-256 of its `manifest.csv`, which has the SHA-256 of each file.
        balance: How many images each label has.
    """

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    images = models.PositiveIntegerField()
    balance = models.JSONField(default=dict)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "number"], name="version_number_once"),)

    def __str__(self) -> str:
        return f"{self.dataset.name} {self.number}"
