import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logo_detection.artifact import (
    INT8_BIN,
    INT8_XML,
    LIFTWING_LABELS,
    load_artifact,
    read_manifest,
    write_manifest,
)
from logo_detection.classifier import check_cpu
from logo_detection.decode.spec import LIFTWING_SPEC, ImageSpec
from logo_detection.errors import ArtifactError, CpuUnsuitable
from tests.models import add_int8, int8_elsewhere, int8_here, write_artifact

THRESHOLD = {
    "target": "logo",
    "false_alarm_rate": 0.003,
    "threshold": 0.9,
    "recall": 0.8,
    "recall_low": 0.7,
    "recall_high": 0.9,
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a.png").write_bytes(b"picture")
    return write_artifact(tmp_path)


def change_manifest(directory: Path, **fields: Any) -> None:
    path = directory / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_written_manifest_is_read_back(directory: Path) -> None:
    artifact = load_artifact(directory)
    assert artifact.labels == ("out_of_domain", "logo")
    assert artifact.spec == ImageSpec()
    assert set(read_manifest(directory).files) == {"model.onnx", "golden/a.png"}
    source = artifact.model_source()
    assert (source.runtime, source.precision) == ("openvino", "f32")
    assert Path(source.path) == (directory / "model.onnx").resolve()


def test_thresholds_are_read_where_a_manifest_has_them(directory: Path) -> None:
    assert load_artifact(directory).thresholds == ()
    older = json.loads((directory / "manifest.json").read_text())
    del older["thresholds"]
    (directory / "manifest.json").write_text(json.dumps(older))
    assert load_artifact(directory).thresholds == ()
    change_manifest(directory, thresholds=[THRESHOLD, {**THRESHOLD, "false_alarm_rate": 0.001}])
    first, second = load_artifact(directory).thresholds
    assert (first.target, first.false_alarm_rate, first.threshold) == ("logo", 0.003, 0.9)
    assert (first.recall, first.recall_low, first.recall_high) == (0.8, 0.7, 0.9)
    assert second.false_alarm_rate == 0.001


def test_a_path_that_is_no_artifact_of_any_kind_is_refused_as_that(tmp_path: Path) -> None:
    words = tmp_path / "model.txt"
    words.write_text("weights")
    with pytest.raises(ArtifactError, match=r"model\.txt is neither an artifact's folder nor a \.keras file"):
        load_artifact(words)
    with pytest.raises(ArtifactError, match=r"no such file or folder: .*absent\.keras"):
        load_artifact(tmp_path / "absent.keras")
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(
        ArtifactError, match=r"pipe\.keras is neither an artifact's folder nor a \.keras file"
    ):
        load_artifact(tmp_path / "pipe.keras")


@pytest.mark.parametrize("name", ["model.onnx", "golden/a.png"])
def test_a_changed_file_is_not_served(directory: Path, name: str) -> None:
    (directory / name).write_bytes(b"other")
    with pytest.raises(ArtifactError, match=r"SHA-256 differs"):
        load_artifact(directory)


def test_a_missing_file_is_not_served(directory: Path) -> None:
    (directory / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"cannot read .*model\.onnx"):
        load_artifact(directory)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"labels": ["logo"]}, "labels"),
        ({"labels": ["logo", "logo"]}, "labels"),
        ({"labels": ["logo", "flag"]}, "labels"),
        ({"schema_version": 2}, "schema_version"),
        ({"unknown": 1}, "unknown"),
        ({"calibration": {"base_rate": 0}}, "calibration.base_rate"),
        ({"files": {"../model.onnx": "0" * 64}}, "files"),
        ({"files": {"/etc/passwd": "0" * 64}}, "files"),
        ({"files": {"model.onnx": "abc"}}, "files"),
        ({"image": {"filter": "nearest"}}, "image.filter"),
        ({"image": {"antialias": False}}, "image"),
        ({"files": {}}, "model.onnx"),
        ({"thresholds": [{**THRESHOLD, "threshold": 1.5}]}, "thresholds.0.threshold"),
        ({"thresholds": [{**THRESHOLD, "false_alarm_rate": 0}]}, "thresholds.0.false_alarm_rate"),
        ({"thresholds": [{"target": "logo"}]}, "thresholds.0"),
        ({"thresholds": [{**THRESHOLD, "target": "flag"}]}, "'flag' is no target"),
        ({"thresholds": [{**THRESHOLD, "target": "out_of_domain"}]}, "'out_of_domain' is no target"),
        ({"thresholds": [THRESHOLD, THRESHOLD]}, "one threshold at each rate"),
    ],
)
def test_a_malformed_manifest_is_refused_in_one_line(
    directory: Path, fields: dict[str, Any], place: str
) -> None:
    change_manifest(directory, **fields)
    with pytest.raises(ArtifactError) as failure:
        load_artifact(directory)
    assert place in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_directory_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"cannot read .*manifest\.json"):
        load_artifact(tmp_path)


def test_a_manifest_is_not_written_for_other_files(directory: Path) -> None:
    manifest = read_manifest(directory)
    (directory / "model.onnx").write_bytes(b"other")
    with pytest.raises(ArtifactError):
        write_manifest(directory, manifest)


def test_a_bare_keras_file_has_liftwings_profile(tmp_path: Path) -> None:
    path = tmp_path / "logo_max_all.keras"
    path.write_bytes(b"weights")
    artifact = load_artifact(path)
    assert artifact.labels == LIFTWING_LABELS == ("out_of_domain", "logo")
    assert artifact.spec == LIFTWING_SPEC
    assert artifact.model_source().runtime == "keras"


def test_a_folder_with_one_keras_file_is_liftwings_artifact(tmp_path: Path) -> None:
    (tmp_path / "logo_max_all.keras").write_bytes(b"weights")
    assert load_artifact(tmp_path) == load_artifact(tmp_path / "logo_max_all.keras")
    (tmp_path / "another.keras").write_bytes(b"weights")
    with pytest.raises(ArtifactError, match=r"2 \.keras files and no manifest\.json"):
        load_artifact(tmp_path)


def test_liftwings_artifact_is_given_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.touch()
    assert load_artifact(path, height=128, width=160).spec == replace(LIFTWING_SPEC, height=128, width=160)
    assert load_artifact(path, height=128).spec == replace(LIFTWING_SPEC, height=128)


def test_a_size_that_contradicts_the_manifest_is_refused(directory: Path) -> None:
    assert load_artifact(directory, 224, 224) == load_artifact(directory)
    with pytest.raises(ArtifactError, match=r"224 x 224 pixels \(height x width\), and not 224 x 160"):
        load_artifact(directory, width=160)


def test_a_runtime_that_the_artifact_lacks_is_refused(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no model for the keras runtime"):
        load_artifact(directory).model_source("keras")
    bare = tmp_path / "a.keras"
    bare.touch()
    with pytest.raises(ArtifactError, match="no model for the openvino runtime"):
        load_artifact(bare).model_source("openvino")
    with pytest.raises(ArtifactError, match="f32"):
        load_artifact(bare).model_source("auto", "bf16")


def test_an_int8_model_is_named_with_both_its_files_and_its_instruction_sets(directory: Path) -> None:
    add_int8(directory, ("avx512_vnni", "amx_int8"))
    source = load_artifact(directory).model_source("auto", "int8")
    assert [Path(path).name for path in source.files] == [INT8_XML, INT8_BIN]
    assert (source.precision, source.instruction_sets) == ("int8", ("avx512_vnni", "amx_int8"))
    assert Path(load_artifact(directory).model_source().path).name == "model.onnx"


def test_an_artifact_without_an_int8_model_refuses_int8_in_one_line(directory: Path) -> None:
    with pytest.raises(ArtifactError, match="has no int8 model: take f32 or bf16") as failure:
        load_artifact(directory).model_source("auto", "int8")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [(INT8_BIN, "int8: model-int8.bin is not among the files"), (None, "int8.instruction_sets")],
)
def test_a_manifest_of_an_int8_model_names_all_of_it(directory: Path, name: str | None, message: str) -> None:
    add_int8(directory, ("avx512_vnni",))
    files = {key: digest for key, digest in read_manifest(directory).files.items() if key != name}
    sets = ["avx512_vnni"] if name else ["sse2"]
    change_manifest(directory, files=files, int8={"instruction_sets": sets})
    with pytest.raises(ArtifactError, match=message):
        load_artifact(directory)


def test_weights_of_an_int8_model_that_were_changed_are_refused(directory: Path) -> None:
    add_int8(directory, ("avx512_vnni",))
    with (directory / INT8_BIN).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtifactError, match=r"model-int8\.bin is not the file that the manifest describes"):
        load_artifact(directory)


def test_int8_is_refused_where_the_engine_would_compute_otherwise(directory: Path) -> None:
    artifact = load_artifact(add_int8(directory, int8_elsewhere()))
    check_cpu(artifact.model_source())  # f32 has the same scores everywhere
    with pytest.raises(CpuUnsuitable, match=r"its int8 scores hold for .* take f32") as failure:
        check_cpu(artifact.model_source("auto", "int8"))
    assert (int8_here() or "has no instructions for int8") in str(failure.value)
