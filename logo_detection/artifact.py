"""The artifact: a directory with a model, and the manifest that says what the model is.

    manifest.json  model.onnx  model.keras  model-int8.xml  model-int8.bin  MODEL_CARD.md  golden/

Nothing that the manifest decides (labels, image specification, weights) can be set from
elsewhere. What does not match its hash is not served. LiftWing's artifact, a bare `.keras`
file, has no manifest; its profile is written down here.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from logo_detection.classifier import ModelSource, Precision, Runtime
from logo_detection.cpu import Int8InstructionSet
from logo_detection.decode.spec import LIFTWING_SPEC, ImageSpec
from logo_detection.errors import ArtifactError

MANIFEST = "manifest.json"
ONNX = "model.onnx"
KERAS = "model.keras"
INT8_XML = "model-int8.xml"
INT8_BIN = "model-int8.bin"
OUT_OF_DOMAIN, LOGO = "out_of_domain", "logo"
SHIPPED = Path("model_artifacts/logo-detection")
LIFTWING_LABELS = (OUT_OF_DOMAIN, LOGO)  # index 1 is the logo, unlike the alphabet's order

MAX_FILE_BYTES = 128_000_000  # ResNet50, the largest that there is a recipe for, has 94 MB


def _plain_relative(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name:
        raise ValueError("a file is named by a plain path inside the artifact")
    return name


def _known_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(labels)) != len(labels) or OUT_OF_DOMAIN not in labels:
        raise ValueError(f"labels are distinct, and {OUT_OF_DOMAIN} is one of them")
    return labels


def _decodable(spec: ImageSpec) -> ImageSpec:
    # The two ways of decoding that exist; any other mix of fields would be scored wrongly.
    if spec not in (ImageSpec(spec.height, spec.width), LIFTWING_SPEC):
        raise ValueError("no decoder fulfils this image specification")
    return spec


FileName = Annotated[str, AfterValidator(_plain_relative)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Calibration(BaseModel):
    """What the probabilities mean: the share of logos for which they hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_rate: Annotated[float, Field(gt=0, lt=1)]
    temperature: Annotated[float, Field(gt=0)] = 1.0


Share = Annotated[float, Field(ge=0, le=1)]


class AlarmThreshold(BaseModel):
    """What a threshold on a target's probability did when the model was validated.

    It is information for those who choose a threshold. The server decides nothing by it.

    Attributes:
        target: The class.
        false_alarm_rate: At most this share of the other images reached the threshold.
        threshold: The lowest of which that is so.
        recall: The share of the target's images that reached it.
        recall_low: Of its interval of 95 %.
        recall_high: Likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    false_alarm_rate: Annotated[float, Field(gt=0, lt=1)]
    threshold: Share
    recall: Share
    recall_low: Share
    recall_high: Share


class Int8(BaseModel):
    """The model in eight bits, `model-int8.xml` and `.bin`.

    Attributes:
        instruction_sets: Those by which an engine gives `golden/expected-int8.json`, by their names in
            /proc/cpuinfo. On a CPU whose engine takes another, the model is refused.
        against_f32: What was measured of both models on the same images, as information.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction_sets: Annotated[tuple[Int8InstructionSet, ...], Field(min_length=1)]
    against_f32: dict[str, Any] = {}


class Manifest(BaseModel):
    """The artifact's contract, as `manifest.json` holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: Annotated[str, StringConstraints(min_length=1)]
    version: Annotated[str, StringConstraints(min_length=1)]
    labels: Annotated[tuple[str, ...], Field(min_length=2), AfterValidator(_known_labels)]
    image: Annotated[ImageSpec, AfterValidator(_decodable)]
    files: dict[FileName, Sha256]
    calibration: Calibration
    training: dict[str, Any]
    libraries: dict[str, str]
    metrics: dict[str, Any]
    thresholds: tuple[AlarmThreshold, ...] = ()
    int8: Int8 | None = None

    @model_validator(mode="after")
    def _int8_has_its_files(self) -> Self:
        if self.int8 and (missing := {INT8_XML, INT8_BIN} - set(self.files)):
            raise ValueError(f"int8: {min(missing)} is not among the files")
        return self

    @model_validator(mode="after")
    def _thresholds_of_targets(self) -> Self:
        places = [(entry.target, entry.false_alarm_rate) for entry in self.thresholds]
        if len(set(places)) < len(places):
            raise ValueError("thresholds: a target has one threshold at each rate of false alarms")
        for target, _ in places:
            if target not in self.labels or target == OUT_OF_DOMAIN:
                raise ValueError(f"thresholds: {target!r} is no target of the model")
        return self


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified artifact: its files are there and are what the manifest says."""

    path: Path
    name: str
    version: str
    labels: tuple[str, ...]
    spec: ImageSpec
    model_files: dict[Runtime, Path]
    thresholds: tuple[AlarmThreshold, ...] = ()
    int8: Int8 | None = None

    def model_source(
        self, runtime: Runtime | Literal["auto"] = "auto", precision: Precision = "f32"
    ) -> ModelSource:
        """What a worker needs to build the classifier; `auto` prefers OpenVINO.

        Raises:
            ArtifactError: The artifact has no model for this runtime or precision, or the runtime not this
                precision.
        """
        if runtime == "auto":
            runtime = "openvino" if "openvino" in self.model_files else "keras"
        if runtime not in self.model_files:
            raise ArtifactError(f"{self.path.name} has no model for the {runtime} runtime")
        if runtime == "keras" and precision != "f32":
            raise ArtifactError(f"the keras runtime computes in f32, not {precision}")
        source = ModelSource(str(self.model_files[runtime]), runtime, precision, self.labels, self.spec)
        if precision != "int8":
            return source
        if self.int8 is None:
            raise ArtifactError(
                f"{self.path.name} has no int8 model: take f32 or bf16, or make one (make int8)"
            )
        path = (self.path / INT8_XML).resolve()
        return replace(source, path=str(path), instruction_sets=self.int8.instruction_sets)


def shipped_artifact() -> Path:
    """Where the artifact of this project lies: below the current folder, else beside this package."""
    return SHIPPED if SHIPPED.exists() else Path(__file__).resolve().parents[1] / SHIPPED


def load_artifact(path: Path, height: int | None = None, width: int | None = None) -> Artifact:
    """Read and verify an artifact directory, or take LiftWing's: a `.keras` file, alone or in a directory.

    Args:
        path: An artifact directory; a `.keras` file; or a directory with one such file and no manifest, as
            KServe's storage initializer leaves it.
        height: Pixels to which images are resized, for LiftWing's artifact, which does not say it; of any
            other it must be the manifest's.
        width: Likewise.

    Raises:
        ArtifactError: Nothing is there, the manifest is malformed, a file is not what it says, or a size
            contradicts the manifest.
    """
    _check_kind(path)
    if (keras_file := _find_keras_file(path)) is not None:
        spec = replace(
            LIFTWING_SPEC, height=height or LIFTWING_SPEC.height, width=width or LIFTWING_SPEC.width
        )
        return Artifact(
            keras_file, keras_file.stem, "liftwing", LIFTWING_LABELS, spec, {"keras": keras_file.resolve()}
        )
    manifest = read_manifest(path)
    _check_size(manifest.image, height, width)
    for name, digest in manifest.files.items():
        _verify(path / name, digest)
    known: dict[str, Runtime] = {ONNX: "openvino", KERAS: "keras"}
    model_files = {
        runtime: (path / name).resolve() for name, runtime in known.items() if name in manifest.files
    }
    if not model_files:
        raise ArtifactError(f"{path / MANIFEST} names neither {ONNX} nor {KERAS}")
    return Artifact(
        path,
        manifest.name,
        manifest.version,
        manifest.labels,
        manifest.image,
        model_files,
        manifest.thresholds,
        manifest.int8,
    )


def _check_kind(path: Path) -> None:
    """Refuse what is no artifact of any kind, before something in it is missed."""
    if not path.exists():
        raise ArtifactError(f"no such file or folder: {path}")
    if not (path.is_dir() or (path.suffix == ".keras" and path.is_file())):
        raise ArtifactError(f"{path} is neither an artifact's folder nor a .keras file")


def _find_keras_file(path: Path) -> Path | None:
    """LiftWing's artifact at a path; None where there is a manifest, or nothing."""
    if path.suffix == ".keras" and path.is_file():
        return path
    if not path.is_dir() or (path / MANIFEST).exists():
        return None
    found = sorted(file for file in path.glob("*.keras") if file.is_file())
    if len(found) > 1:
        raise ArtifactError(f"{path} has {len(found)} .keras files and no {MANIFEST}: name one of them")
    return found[0] if found else None


def _check_size(spec: ImageSpec, height: int | None, width: int | None) -> None:
    if (height or spec.height, width or spec.width) != (spec.height, spec.width):
        raise ArtifactError(
            f"the manifest's images have {spec.height} x {spec.width} pixels (height x width), and not"
            f" {height or spec.height} x {width or spec.width}"
        )


def read_manifest(directory: Path) -> Manifest:
    """Parse a directory's manifest, without looking at the files it names.

    Raises:
        ArtifactError: There is none, or it is malformed.
    """
    path = directory / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ArtifactError(f"{path}: {where}: {first['msg']}") from error


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json`; the files it names must be there already.

    Raises:
        ArtifactError: A file is missing, too large, or not what the manifest says.
    """
    for name, digest in manifest.files.items():
        _verify(directory / name, digest)
    (directory / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def hash_files(directory: Path) -> dict[str, str]:
    """SHA-256 of every file below a directory but the manifest, by relative path."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(directory).as_posix(): _sha256(path) for path in files}


def _verify(path: Path, digest: str) -> None:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ArtifactError(f"{path} has more than {MAX_FILE_BYTES:,} bytes")
        if _sha256(path) != digest:
            raise ArtifactError(f"{path} is not the file that the manifest describes (SHA-256 differs)")
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
