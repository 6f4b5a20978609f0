"""The target: the class that is asked for, among those that a model has."""

from dataclasses import dataclass

from logo_detection.artifact import OUT_OF_DOMAIN, Artifact
from logo_detection.classifier import Contrast
from logo_detection.errors import ArtifactError
from logo_detection.pool.messages import Scored


@dataclass(frozen=True, slots=True)
class Target:
    """The class that is asked for, and where a model's scores for it and for anything else are."""

    name: str
    labels: tuple[str, ...]

    def prediction(self, scored: Scored) -> float:
        """The probability of the class."""
        return scored.scores[self.labels.index(self.name)]

    def out_of_domain(self, scored: Scored) -> float:
        """The probability of none of the classes."""
        return scored.scores[self.labels.index(OUT_OF_DOMAIN)]

    @property
    def contrast(self) -> Contrast:
        """What an explanation of its score is of."""
        return Contrast(self.labels.index(self.name), self.labels.index(OUT_OF_DOMAIN))


def find_target(artifact: Artifact, name: str | None) -> Target:
    """The class of that name, or the model's first. Raises ArtifactError where it has none of that name."""
    targets = [label for label in artifact.labels if label != OUT_OF_DOMAIN]
    if name is not None and name not in targets:
        raise ArtifactError(f"{artifact.name} has no class {name!r} to ask for; it has {', '.join(targets)}")
    return Target(name or targets[0], artifact.labels)
