"""The chart, by a real helm: every values file renders, every document is valid, no defence is missing."""

import json
import math
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.harness.process import ROOT
from tests.harness.server import running_server
from tests.manifests import (
    CHART,
    CI_VALUES,
    KUBERNETES_VERSION,
    Document,
    Refused,
    only,
    render,
    run_helm,
    validate,
)

pytestmark = pytest.mark.slow  # helm comes with `make chart` and `make test-all`

EVERY_VALUES = [CHART / "values.yaml", *CI_VALUES]
every_values = pytest.mark.parametrize("values", EVERY_VALUES, ids=lambda path: path.stem)
UPLOADWIZARD_GIVES_UP_S = 15

# What Knative's revisions do not take, or only where an operator has set a flag.
# https://knative.dev/docs/serving/configuration/feature-flags
NOT_IN_KNATIVE = {
    "terminationGracePeriodSeconds",
    "deploymentStrategy",
    "topologySpreadConstraints",
    "securityContext",
    "affinity",
    "nodeSelector",
    "tolerations",
}


def predictor(documents: list[Document]) -> dict[str, Any]:
    found: dict[str, Any] = only(documents, "InferenceService")["spec"]["predictor"]
    return found


def container(documents: list[Document]) -> dict[str, Any]:
    (found,) = predictor(documents)["containers"]
    assert found["name"] == "kserve-container"  # KServe's name; any other becomes a sidecar
    return dict(found)


def environment(documents: list[Document]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(documents)["env"]}


@every_values
def test_every_values_file_lints_strictly(values: Path) -> None:
    run_helm("lint", "--strict", CHART, "--values", values)


@every_values
def test_every_document_is_valid(values: Path) -> None:
    documents = render(values)
    for document in documents:
        validate(document)
    kinds = [document["kind"] for document in documents]
    assert {"InferenceService", "NetworkPolicy", "PodDisruptionBudget", "Pod"} <= set(kinds)
    sys.stdout.write(f"\n{values.name}: {len(documents)} documents valid: {', '.join(sorted(kinds))}\n")


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("InferenceService", ("spec", "predictor", "scaleTraget"), 4),
        ("InferenceService", ("spec", "predictor", "scaleTarget"), "4"),
        ("InferenceService", ("spec", "predictor", "containers", 0, "readynessProbe"), {}),
        ("InferenceService", ("spec", "predictor", "containers", 0, "ports", 0, "containerPort"), "8080"),
        ("NetworkPolicy", ("spec", "egres"), []),
        ("PodDisruptionBudget", ("spec", "minAvailable"), [1]),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "exprr"), "1"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "interval"), 30),
    ],
)
def test_a_wrong_document_is_refused(kind: str, path: tuple[str | int, ...], value: object) -> None:
    document = only(render(CHART / "ci" / "plain-values.yaml"), kind)
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(Refused):
        validate(document)


def test_the_plain_cluster_gets_every_kind() -> None:
    assert {document["kind"] for document in render(CHART / "ci" / "plain-values.yaml")} == {
        *(
            "InferenceService",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "ServiceAccount",
            "ConfigMap",
            "Service",
        ),
        *("ServiceMonitor", "PrometheusRule", "Pod"),
    }


def assert_probed(documents: list[Document]) -> None:
    """Ready by the model's own route, alive by the event loop's."""
    probes = container(documents)
    readiness = probes["readinessProbe"]
    assert (
        readiness.get("httpGet") == {"path": "/v1/models/logo-detection", "port": 8080} or readiness["grpc"]
    )
    assert probes["livenessProbe"]["httpGet"] == {"path": "/v2/health/live", "port": 8080}
    patience_s = probes["livenessProbe"]["periodSeconds"] * probes["livenessProbe"]["failureThreshold"]
    assert patience_s >= 60


def assert_hardened(documents: list[Document]) -> None:
    """Pod-security *restricted*, and more: a root file system that cannot be written, and no token."""
    pods = [predictor(documents), only(documents, "Pod")["spec"]]
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for one in pod["containers"]:
            context = one["securityContext"]
            assert context["runAsNonRoot"] is True
            assert context["runAsUser"] != 0
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            assert {"cpu", "memory"} <= one["resources"]["limits"].keys()
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
        for volume in pod.get("volumes", []):
            assert "secret" in volume or volume["emptyDir"].keys() == {"medium", "sizeLimit"}


@every_values
def test_every_release_is_probed_and_hardened(values: Path) -> None:
    documents = render(values)
    assert_probed(documents)
    assert_hardened(documents)


@pytest.mark.parametrize(
    ("missing", "check"),
    [
        ("readinessProbe", assert_probed),
        ("livenessProbe", assert_probed),
        ("securityContext", assert_hardened),
    ],
)
def test_a_container_without_one_is_found_out(missing: str, check: Callable[[list[Document]], None]) -> None:
    documents = render()
    del predictor(documents)["containers"][0][missing]
    with pytest.raises(KeyError, match=missing):
        check(documents)


@every_values
def test_every_release_scales_and_answers_in_time(values: Path) -> None:
    spec, settings = predictor(render(values)), environment(render(values))
    assert 1 <= spec["minReplicas"] <= spec["maxReplicas"]
    assert spec["scaleTarget"] > 0
    assert spec["scaleMetric"] in {"cpu", "concurrency"}
    assert float(settings["REQUEST_TIMEOUT_S"]) < spec["timeout"] < UPLOADWIZARD_GIVES_UP_S
    limits = spec["containers"][0]["resources"]["limits"]
    assert spec["containers"][0]["resources"]["requests"]["memory"] == limits["memory"]


def test_two_pods_by_default() -> None:
    assert predictor(render())["minReplicas"] == 2


def test_a_standard_pod_has_time_to_drain() -> None:
    documents = render(settings__DRAIN_DELAY_S=7.5, settings__REQUEST_TIMEOUT_S=11)
    settings = environment(documents)
    assert (settings["DRAIN_DELAY_S"], settings["REQUEST_TIMEOUT_S"]) == ("7.5", "11")
    assert predictor(documents)["terminationGracePeriodSeconds"] >= math.ceil(7.5) + 11 + 5


@pytest.mark.parametrize("mode", ["Knative", "Serverless"])
def test_knative_gets_nothing_that_it_refuses(mode: str) -> None:
    documents = render(deploymentMode=mode)
    spec = predictor(documents)
    assert spec.keys() & NOT_IN_KNATIVE == set()
    assert container(documents).keys() & {"lifecycle", "startupProbe"} == set()
    assert "PORT" not in environment(documents)  # Knative sets it
    assert "DRAIN_DELAY_S" not in environment(documents)  # its queue-proxy waits
    assert all("value" in entry for entry in container(documents)["env"])
    assert spec["scaleMetric"] == "concurrency"


GRPC_PORT = 8090


def test_grpc_has_a_port_a_service_and_a_probe_of_its_own_and_is_let_through() -> None:
    documents = render(grpc__enabled=True, grpc__port=GRPC_PORT)
    assert environment(documents)["GRPC_PORT"] == str(GRPC_PORT)
    pod = container(documents)
    assert [port["containerPort"] for port in pod["ports"]] == [8080, GRPC_PORT]
    assert pod["readinessProbe"]["grpc"] == {"port": GRPC_PORT}
    assert pod["livenessProbe"]["httpGet"]["port"] == pod["startupProbe"]["httpGet"]["port"] == 8080
    service = only(documents, "Service")
    assert service["metadata"]["name"] == "logo-detection-grpc"
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (GRPC_PORT, GRPC_PORT)
    policy = only(documents, "NetworkPolicy")["spec"]
    assert service["spec"]["selector"] == policy["podSelector"]["matchLabels"]
    callers, prometheus = policy["ingress"]
    assert [each["port"] for each in callers["ports"]] == [8080, GRPC_PORT]
    assert [each["port"] for each in prometheus["ports"]] == [8080]


def test_without_it_nothing_speaks_of_grpc() -> None:
    assert "grpc" not in str(render(CHART / "ci" / "plain-values.yaml")).lower()


def test_large_numbers_stay_whole() -> None:
    assert environment(render(settings__FETCH_MAX_SIZE=67108864))["FETCH_MAX_SIZE"] == "67108864"
    assert environment(render(settings__FORWARD_CREDENTIALS=True))["FORWARD_CREDENTIALS"] == "true"


def test_knatives_canary_is_a_share_of_the_traffic() -> None:
    assert predictor(render(deploymentMode="Knative", canary__trafficPercent=0))["canaryTrafficPercent"] == 0
    assert "canaryTrafficPercent" not in predictor(render(deploymentMode="Knative"))


def test_the_standard_canary_is_the_same_pod_with_another_model() -> None:
    spec = only(render(CHART / "ci" / "plain-canary-values.yaml"), "InferenceService")["spec"]
    (canary,) = spec["canary"]
    assert canary["trafficPercent"] == 10
    ours, theirs = spec["predictor"]["containers"][0], canary["predictor"]["containers"][0]
    models = [
        {entry["name"]: entry["value"] for entry in one["env"]}["STORAGE_URI"] for one in (ours, theirs)
    ]
    assert models == ["s3://models/logo-detection/1.1.0", "s3://models/logo-detection/1.2.0"]
    assert {**ours, "env": None} == {**theirs, "env": None}


def test_a_keras_file_is_found_where_kserve_puts_it() -> None:
    settings = environment(render(CHART / "ci" / "liftwing-production-values.yaml"))
    assert settings["MODEL_PATH"] == "/mnt/models/logo_max_all.keras"
    assert environment(render(model__storageUri="pvc://a/b"))["MODEL_PATH"] == "/mnt/models"


def test_the_keras_runtime_gets_a_tmp_of_bounded_size_and_nothing_else_does() -> None:
    (volume,) = predictor(render(tmpSizeLimit="256Mi"))["volumes"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "256Mi"}
    assert "volumes" not in predictor(render())


def test_fetch_headers_come_from_a_secret_and_a_new_revision_replaces_the_pods() -> None:
    documents = render(fetchHeaders__secretName="headers", fetchHeaders__revision="two")
    (volume,) = predictor(documents)["volumes"]
    (mount,) = container(documents)["volumeMounts"]
    assert volume["secret"]["secretName"] == "headers"
    assert mount["name"] == volume["name"]
    assert mount["readOnly"] is True
    path = f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}"
    assert environment(documents)["FETCH_HEADERS_FILE"] == path
    assert "two" in predictor(documents)["annotations"].values()


@every_values
def test_the_network_is_shut_but_for_what_is_named(values: Path) -> None:
    spec = only(render(values), "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    for rule in spec["ingress"]:
        assert rule["from"]
        assert rule["ports"]
    for rule in spec["egress"]:
        assert rule["to"]
        assert rule["ports"]
        for peer in rule["to"]:
            prefix = int(peer["ipBlock"]["cidr"].split("/")[1]) if "ipBlock" in peer else 32
            assert prefix >= 24, "an origin is a few addresses, not a network"


def test_the_object_store_is_reachable_only_for_a_model_that_lies_there() -> None:
    store = {"name": "store", "cidrs": ["192.0.2.1/32"], "port": 9000}
    for uri, reachable in (("", False), ("s3://a/b", True)):
        documents = render(model__storageUri=uri, networkPolicy__egress__objectStore=[store])
        assert ("192.0.2.1/32" in str(only(documents, "NetworkPolicy"))) is reachable


def test_everything_that_selects_pods_selects_by_the_label_that_kserve_gives() -> None:
    documents = render(CHART / "ci" / "plain-values.yaml")
    label = {"serving.kserve.io/inferenceservice": only(documents, "InferenceService")["metadata"]["name"]}
    assert only(documents, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == label
    assert only(documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == label
    assert only(documents, "Service")["spec"]["selector"] == label


def test_prometheus_finds_the_metrics() -> None:
    documents = render(CHART / "ci" / "plain-values.yaml")
    service, monitor = only(documents, "Service"), only(documents, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["jobLabel"] in service["metadata"]["labels"]
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    assert endpoint["port"] == port["name"]


def test_alerts_and_dashboard_are_the_files_word_for_word() -> None:
    documents = render(CHART / "ci" / "plain-values.yaml")
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    assert only(documents, "PrometheusRule")["spec"] == rules
    (dashboard,) = only(documents, "ConfigMap")["data"].values()
    assert json.loads(dashboard) == json.loads((CHART / "files" / "dashboard.json").read_text())


def test_alerts_link_to_the_teams_own_copy_of_the_runbook() -> None:
    page = "https://wiki.example/logo-detection"
    rules = only(
        render(CHART / "ci" / "plain-values.yaml", monitoring__operator__runbook=page), "PrometheusRule"
    )
    alerts = [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
    assert all(alert["annotations"]["runbook_url"] == f"{page}#{alert['alert'].lower()}" for alert in alerts)


def test_the_notes_say_how_to_call_and_warn_of_an_open_network(tmp_path: Path) -> None:
    # Only `helm install` shows notes, and asks for a cluster: so they are made part of a document.
    chart = shutil.copytree(CHART, tmp_path / "chart")
    notes = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "notes.yaml").write_text("kind: Notes\ntext: |\n" + textwrap.indent(notes, "  "))
    shown = ("--show-only", "templates/notes.yaml", "--kube-version", KUBERNETES_VERSION)
    render_notes = ("template", "logo-detection", chart, *shown)
    assert ":predict" in run_helm(*render_notes)
    assert "WARNING" not in run_helm(*render_notes)
    open_network = run_helm(*render_notes, values={"networkPolicy": {"enabled": False}})
    assert "WARNING: without the NetworkPolicy" in open_network


def test_the_probes_and_helms_own_test_pass_against_a_real_server(tmp_path: Path) -> None:
    documents = render()
    (tester,) = only(documents, "Pod")["spec"]["containers"]
    script, _, model, picture = tester["args"]
    with running_server(tmp_path / "stderr") as server:
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            path = container(documents)[probe]["httpGet"]["path"]
            assert httpx.get(server.url + path).status_code == 200
        done = subprocess.run(
            [sys.executable, "-c", script, server.url, model, picture],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert "scores" in done.stdout
