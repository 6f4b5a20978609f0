"""Kubernetes: the documents that start the processes of a training as pods, for `kubectl apply`.

    job          an indexed Job, and the headless Service by whose names its pods find each other
    trainjob     a TrainJob of Kubeflow's Trainer, and the TrainingRuntime that it refers to

The index of a pod is its rank. Either is tried again, whole, when a pod is lost: the run then goes on from
its last checkpoint.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from logo_detection.commands import UNUSABLE
from training.errors import TrainingError
from training.place import COORDINATOR, PROCESSES, RANK

Document = dict[str, Any]

PORT = 4100
TRIES = 6
USER = 900  # of the image: pipelines/Dockerfile
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
RUNTIME_GROUP = "trainer.kubeflow.org"
NODE = "node"  # Trainer's own name of the job whose pods train, and of the container in them


@dataclass(frozen=True, slots=True)
class Pods:
    """What the pods of a training are like.

    Attributes:
        name: Of the training, as Kubernetes takes it.
        image: pipelines/Dockerfile's.
        claim: A PersistentVolumeClaim that all pods can write to: the data and the run.
        mount: Where it is in the pods.
        cpu: Cores of a pod, as Kubernetes writes them.
        memory: Likewise.
        processes: How many pods.
        arguments: Of logo-train; paths are those in the pods.
    """

    name: str
    image: str
    claim: str
    mount: str
    cpu: str
    memory: str
    processes: int
    arguments: tuple[str, ...]


def pods_of(options: argparse.Namespace) -> Pods:
    """What the options of `training.train` say.

    Raises:
        TrainingError: A path is not in the volume.
    """
    paths = {"--data": options.data, "--run": options.run}
    for name, path in paths.items():
        if not PurePosixPath(path).is_relative_to(options.mount):
            raise TrainingError(f"{name}: {path} is not below {options.mount}, where the pods have the claim")
    arguments = ["--recipe", str(options.recipe)]
    arguments += [part for name, path in paths.items() for part in (name, str(path))]
    arguments += ["--weights", options.weights] if options.weights else []
    arguments += [part for teacher in options.teacher for part in ("--teacher", str(teacher))]
    arguments += ["--export", str(options.export)] if options.export else []
    return Pods(
        options.name,
        options.image,
        options.claim,
        options.mount,
        options.cpu,
        options.memory,
        options.processes,
        tuple(arguments),
    )


def render(documents: Sequence[Document]) -> str:
    """YAML of documents."""
    text: str = yaml.safe_dump_all(documents, sort_keys=False)
    return text


def job_documents(pods: Pods) -> list[Document]:
    """The Service, the NetworkPolicy and the Job."""
    labels = {"app.kubernetes.io/name": "logo-train", "app.kubernetes.io/instance": pods.name}
    metadata = {"name": pods.name, "labels": labels}
    coordinator = f"{pods.name}-0.{pods.name}"  # a pod's name of its own, in the Service of its subdomain
    spec = {**_pod_spec(pods, "train", coordinator), "subdomain": pods.name, "restartPolicy": "Never"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,  # they look for each other before they are ready
                "selector": labels,
                "ports": [{"name": "coordinator", "port": PORT}],
            },
        },
        _network_policy(metadata, labels),
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": {
                "completionMode": "Indexed",
                "completions": pods.processes,
                "parallelism": pods.processes,
                "backoffLimit": TRIES * pods.processes,  # when one is lost, all end and are tried again
                "podFailurePolicy": {"rules": [_no_second_try("train")]},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
    ]


def trainjob_documents(pods: Pods) -> list[Document]:
    """The NetworkPolicy, the TrainingRuntime and the TrainJob."""
    labels = {"app.kubernetes.io/name": "logo-train", "app.kubernetes.io/instance": pods.name}
    metadata = {"name": pods.name, "labels": labels}
    coordinator = f"{pods.name}-{NODE}-0-0.{pods.name}"  # JobSet's: of job 0, pod 0
    spec = {**_pod_spec(pods, NODE, coordinator), "restartPolicy": "Never"}
    job = {
        "backoffLimit": 0,  # JobSet starts all again, and not one
        "podFailurePolicy": {"rules": [_no_second_try(NODE)]},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    }
    step = {f"{RUNTIME_GROUP}/trainjob-ancestor-step": "trainer"}
    return [
        _network_policy(metadata, labels),
        {
            "apiVersion": f"{RUNTIME_GROUP}/v1alpha1",
            "kind": "TrainingRuntime",
            "metadata": metadata,
            "spec": {
                "mlPolicy": {"numNodes": pods.processes},
                "template": {
                    "spec": {
                        "failurePolicy": {
                            "maxRestarts": TRIES,
                            "rules": [_no_restart()],
                        },
                        "replicatedJobs": [
                            {"name": NODE, "template": {"metadata": {"labels": step}, "spec": job}}
                        ],
                    }
                },
            },
        },
        {
            "apiVersion": f"{RUNTIME_GROUP}/v1alpha1",
            "kind": "TrainJob",
            "metadata": metadata,
            "spec": {
                "runtimeRef": {"apiGroup": RUNTIME_GROUP, "kind": "TrainingRuntime", "name": pods.name},
                "trainer": {"numNodes": pods.processes},
            },
        },
    ]


def _pod_spec(pods: Pods, container: str, coordinator: str) -> Document:
    """A pod that runs as pod-security *restricted* asks, with a root that cannot be written."""
    resources = {"cpu": pods.cpu, "memory": pods.memory}
    environment: list[Document] = [
        {"name": RANK, "valueFrom": {"fieldRef": {"fieldPath": INDEX}}},
        {"name": PROCESSES, "value": str(pods.processes)},
        {"name": COORDINATOR, "value": f"{coordinator}:{PORT}"},
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": container,
                "image": pods.image,
                "command": ["python3", "-m", "training.train", *pods.arguments],
                "env": environment,
                "resources": {"requests": resources, "limits": resources},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "shared", "mountPath": pods.mount},
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the image's HOME
                ],
            }
        ],
        "volumes": [
            {"name": "shared", "persistentVolumeClaim": {"claimName": pods.claim}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "5Gi"}},
        ],
    }


def _network_policy(metadata: Document, labels: Document) -> Document:
    """Nobody else reaches the pods, whose ports ask no one who calls."""
    selector = {"matchLabels": labels}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": selector}]}],
        },
    }


def _no_restart() -> Document:
    return {"name": "unusable", "action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}


def _no_second_try(container: str) -> Document:
    """A training that cannot begin as things stand fails for good; a loss is tried again."""
    return {
        "action": "FailJob",
        "onExitCodes": {"containerName": container, "operator": "In", "values": [UNUSABLE]},
    }
