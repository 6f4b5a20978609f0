"""Kubernetes: the documents are valid, and a pod's variables are those of its place."""

from pathlib import Path

import pytest
import yaml

from tests.manifests import Document, Refused, only, validate
from training.place import COORDINATOR, PROCESSES, RANK
from training.recipe import read_recipe
from training.train import DEFAULT_RECIPE, main

RECIPE = "training/recipes/quick.toml"
OPTIONS = (
    *("--data", "/shared/data", "--run", "/shared/runs/mine", "--recipe", RECIPE, "--processes", "3"),
    *("--image", "registry.example/pipeline@sha256:1", "--claim", "images", "--dry-run"),
)


def rendered(capsys: pytest.CaptureFixture[str], launcher: str, *options: str) -> list[Document]:
    assert main(["--launcher", launcher, *OPTIONS, *options]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


def pod_of(documents: list[Document]) -> Document:
    """The pod of either kind, and that of the container in it."""
    if any(document["kind"] == "Job" for document in documents):
        job = only(documents, "Job")
    else:
        (job,) = only(documents, "TrainingRuntime")["spec"]["template"]["spec"]["replicatedJobs"]
        job = job["template"]
    spec: Document = job["spec"]["template"]["spec"]
    return spec


def environment_of(pod: Document) -> Document:
    (container,) = pod["containers"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


@pytest.mark.parametrize("launcher", ["kubernetes", "trainjob"])
def test_every_document_is_valid_and_a_wrong_one_is_not(
    launcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = rendered(capsys, launcher)
    for document in documents:
        validate(document)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": pod_of(documents)}
    validate(pod)
    pod_of(documents)["containers"][0]["voluneMounts"] = []
    with pytest.raises(Refused, match="voluneMounts"):
        validate(only(documents, "Job" if launcher == "kubernetes" else "TrainingRuntime"))


def test_a_wrong_key_of_trainer_s_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    documents = rendered(capsys, "trainjob")
    job, runtime = only(documents, "TrainJob"), only(documents, "TrainingRuntime")
    job["spec"]["trainer"]["nodes"] = 3
    del runtime["spec"]["template"]["spec"]["failurePolicy"]["rules"][0]["name"]
    for document, named in ((job, "nodes"), (runtime, "name")):
        with pytest.raises(Refused, match=named):
            validate(document)


@pytest.mark.parametrize(
    ("launcher", "coordinator"),
    [("kubernetes", "logo-train-0.logo-train:4100"), ("trainjob", "logo-train-node-0-0.logo-train:4100")],
)
def test_a_pod_s_index_is_its_rank_and_all_find_the_first(
    launcher: str, coordinator: str, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = environment_of(pod_of(rendered(capsys, launcher)))
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert variables == {
        RANK: {"fieldRef": {"fieldPath": index}},
        PROCESSES: "3",
        COORDINATOR: coordinator,
    }


def test_the_job_has_as_many_pods_as_processes_and_a_service_that_names_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    documents = rendered(capsys, "kubernetes", "--name", "mine")
    job, service = only(documents, "Job")["spec"], only(documents, "Service")
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 3, 3)
    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["name"] == job["template"]["spec"]["subdomain"] == "mine"
    assert service["spec"]["selector"].items() <= job["template"]["metadata"]["labels"].items()
    assert environment_of(pod_of(documents))[COORDINATOR] == "mine-0.mine:4100"


def test_the_trainjob_refers_to_its_runtime_and_has_as_many_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    documents = rendered(capsys, "trainjob")
    job, runtime = only(documents, "TrainJob")["spec"], only(documents, "TrainingRuntime")
    assert job["runtimeRef"]["name"] == runtime["metadata"]["name"]
    assert job["trainer"]["numNodes"] == runtime["spec"]["mlPolicy"]["numNodes"] == 3


@pytest.mark.parametrize("launcher", ["kubernetes", "trainjob"])
def test_the_pods_train_with_the_options_as_an_ordinary_user(
    launcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = pod_of(rendered(capsys, launcher, "--weights", "imagenet", "--export", "/shared/model"))
    (container,) = pod["containers"]
    command, options = container["command"][:3], container["command"][3:]
    assert command == ["python3", "-m", "training.train"]
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert given == {
        "--data": "/shared/data",
        "--run": "/shared/runs/mine",
        "--recipe": RECIPE,
        "--weights": "imagenet",
        "--export": "/shared/model",
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/shared", "/tmp"}  # noqa: S108


@pytest.mark.parametrize("launcher", ["kubernetes", "trainjob"])
def test_nobody_else_reaches_the_pods(launcher: str, capsys: pytest.CaptureFixture[str]) -> None:
    documents = rendered(capsys, launcher)
    policy = only(documents, "NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"from": [{"podSelector": policy["podSelector"]}]}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data", "/elsewhere"], "--data: /elsewhere is not below /shared, where the pods have the claim"),
        (["--run", "runs/mine"], "--run: runs/mine is not below /shared"),
    ],
)
def test_a_path_that_pods_cannot_have_is_one_line(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--launcher", "kubernetes", *OPTIONS, *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["--image", "--claim", "--dry-run"])
def test_an_option_that_is_missing_is_named(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = list(OPTIONS)
    at = options.index(missing)
    del options[at : at + (1 if missing == "--dry-run" else 2)]
    with pytest.raises(SystemExit, match="2"):
        main(["--launcher", "kubernetes", *options])
    assert missing in capsys.readouterr().err


def test_the_image_has_the_recipes_where_the_command_names_them() -> None:
    assert read_recipe(Path(RECIPE)).name == "quick"
    assert DEFAULT_RECIPE.parent.name == "recipes"
