"""The chart's values: what the schema or the chart itself refuses, by name, and what it does not."""

import json
import re
from typing import Any

import pytest

from tests.harness.process import ROOT
from tests.manifests import CHART, KUBERNETES_VERSION, Refused, only, render, run_helm, validate

pytestmark = pytest.mark.slow  # helm comes with `make chart` and `make test-all`

RUNBOOK = ROOT / "docs" / "operations.md"
OVERRIDDEN = {
    "settings__ALLOWED_HOSTS": "a.example",
    "settings__ORIGIN_OVERRIDES": "a.example=http://127.0.0.1:1",
}
PROXIED = {
    "networkPolicy__egress__imageOrigins": [{"name": "proxy", "cidrs": ["192.0.2.1/32"], "port": 443}],
}
STORED = {
    "model__storageUri": "s3://models/a",
    "networkPolicy__egress__objectStore": [{"name": "store", "cidrs": ["192.0.2.1/32"], "port": 443}],
}


@pytest.mark.parametrize(
    ("typo", "named"),
    [
        ({"autoscalling__minReplicas": 3}, "autoscalling"),
        ({"settings__LOG_FROMAT": "json"}, "LOG_FROMAT"),
        ({"settings__PORT": 9090}, "PORT"),
        ({"settings__WORKERS": "two"}, "WORKERS"),
        ({"networkPolicy__egress__imageOrigin": "x"}, "imageOrigin"),
        ({"resources__limits__mem": "2Gi"}, "mem"),
        ({"canary__traffic": 10}, "traffic"),
        ({"deploymentMode": "Severless"}, "deploymentMode"),
        ({"timeoutSeconds": 15}, "timeoutSeconds"),
        ({"settings__ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"fetchHeaders__secret": "x"}, "secret"),
        ({"grpc__enable": True}, "enable"),
        ({"settings__GRPC_PORT": 8081}, "GRPC_PORT"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_a_typo_in_values_is_refused_by_name(typo: dict[str, object], named: str) -> None:
    with pytest.raises(Refused, match=named):
        render(**typo)


def test_no_object_of_the_values_takes_unknown_keys() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def check(node: Any, path: str) -> None:
        if isinstance(node, dict):
            if "properties" in node:
                assert node["additionalProperties"] is False, path
            for key, child in node.items():
                check(child, f"{path}/{key}")

    check(schema, "")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"settings__REQUEST_TIMEOUT_S": 14}, "REQUEST_TIMEOUT_S"),
        (
            {"settings__IMAGES_MAX_NUM": 300, "settings__QUEUE_MAX_IMAGES": 200},
            "IMAGES_MAX_NUM: 300 may not exceed settings.QUEUE_MAX_IMAGES, 200",
        ),
        ({"settings__FETCH_MEMORY_MAX": 67108863}, "BODY_MAX_SIZE: 67108864 may not exceed .*, 67108863"),
        ({"settings__BODY_MAX_SIZE": 2**30}, "FETCH_MEMORY_MAX: 2147483648 bytes do not fit into .*, 2Gi"),
        ({"model__file": "a.keras"}, "storageUri"),
        ({"grpc__enabled": True, "deploymentMode": "Knative"}, "Standard"),
        ({"grpc__enabled": True, "grpc__port": 8080}, "grpc.port"),
        ({"canary__trafficPercent": 10}, "storageUri"),
        (
            {"resources__limits__cpu": "1900m"},
            r"resources\.limits\.cpu: 1900m is below resources\.requests\.cpu, 2",
        ),
        (
            {"resources__requests__memory": "2049Mi"},
            r"limits\.memory: 2Gi is below resources\.requests\.memory",
        ),
        (
            {"resources__limits__memory": "128Mi", "resources__requests__memory": "128Mi"},
            r"limits\.memory: 128Mi is below 512Mi",
        ),
        ({"tmpSizeLimit": "2Gi"}, "tmpSizeLimit: 2Gi is in memory, and not below .*, 2Gi"),
        ({**STORED, "model__file": "a.keras"}, "tmpSizeLimit: is empty, and the Keras runtime"),
        ({"model__storageUri": "s3://models/a"}, "objectStore: is empty"),
        (
            {"autoscaling__minReplicas": 3, "autoscaling__maxReplicas": 2},
            r"minReplicas: 3 is above autoscaling\.maxReplicas, 2",
        ),
        ({"resources__limits__nvidia.com/gpu": "1"}, r"nvidia\.com/gpu"),
        ({"settings__ALLOWED_HOSTS": "a.example/x/"}, "imageOrigins: has no entry named a.example"),
        ({"settings__ALLOWED_HOSTS": "upload.wikimedia.org"}, "commons.wikimedia.org is no host of"),
        (
            {"settings__ORIGIN_OVERRIDES": "a.example=http://127.0.0.1:1"},
            "ORIGIN_OVERRIDES: a.example is no host",
        ),
        (
            {**OVERRIDDEN, "networkPolicy__egress__imageOrigins": []},
            "imageOrigins: is empty, and settings.ORIGIN_OVERRIDES leads a.example somewhere",
        ),
        (
            {**OVERRIDDEN, "settings__ORIGIN_OVERRIDES": "a.example=http://192.0.2.1:6101", **PROXIED},
            "imageOrigins: has no entry of port 6101, to which settings.ORIGIN_OVERRIDES leads a.example",
        ),
        ({"resources__limits__cpu": 1}, r"limits\.cpu: 1 is below resources\.requests\.cpu, 2"),
        ({"canary__trafficPercent": 10, "deploymentMode": "RawDeployment"}, "Standard"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: dict[str, object], named: str) -> None:
    with pytest.raises(Refused, match=named):
        render(**values)


def test_hosts_whose_files_can_be_fetched_are_allowed() -> None:
    render(**OVERRIDDEN, **PROXIED)
    for origin in ("https://192.0.2.1", "http://192.0.2.1:443"):
        render(
            settings__ALLOWED_HOSTS="a.example", settings__ORIGIN_OVERRIDES=f"a.example={origin}", **PROXIED
        )
    render(networkPolicy__egress__imageOrigins=[])  # no host is named, and none is let out
    render(settings__ALLOWED_HOSTS=",", networkPolicy__egress__imageOrigins=[])
    render(settings__ALLOWED_HOSTS="a.example", networkPolicy__enabled=False)
    render(resources__requests__cpu="500m", resources__limits__cpu="0.5")


def test_cores_may_be_numbers_as_in_any_pod() -> None:
    service = only(render(resources__requests__cpu=2, resources__limits__cpu=2.5), "InferenceService")
    validate(service)
    (container,) = service["spec"]["predictor"]["containers"]
    amounts = container["resources"]
    assert (amounts["requests"]["cpu"], amounts["limits"]["cpu"]) == ("2", "2.5")


def test_a_model_that_can_be_fetched_is_allowed() -> None:
    render(**STORED, model__file="a.keras", tmpSizeLimit="256Mi")
    render(model__storageUri="pvc://models/a")  # a volume, which no network policy stands before
    render(model__storageUri="s3://models/a", networkPolicy__enabled=False)


def test_a_revision_may_be_a_number_as_helms_set_makes_it() -> None:
    service = only(render(fetchHeaders__secretName="headers", fetchHeaders__revision=2), "InferenceService")
    validate(service)
    annotations = service["spec"]["predictor"]["annotations"]
    assert annotations["logo-detection/fetch-headers-revision"] == "2"


def runbook_upgrades() -> list[str]:
    """What the runbook's commands give `helm upgrade` to set, a command each: `--set a=b --set c=d`."""
    text = RUNBOOK.read_text().replace("\\\n", "")
    return re.findall(r"helm --namespace logo-detection upgrade .*?--reuse-values\s+(--set .*)", text)


def test_every_upgrade_of_the_runbook_is_taken_as_it_stands() -> None:
    upgrades = runbook_upgrades()
    assert len(upgrades) == 3
    for options in upgrades:
        mode = "plain-canary" if "storageUri" in options else "liftwing-staging"
        values = ("--values", CHART / "ci" / f"{mode}-values.yaml", "--kube-version", KUBERNETES_VERSION)
        assert "InferenceService" in run_helm("template", "logo-detection", CHART, *values, *options.split())


def test_limits_that_follow_from_others_are_allowed() -> None:
    render(settings__IMAGES_MAX_NUM=300)  # the queue is four times as long
    render(settings__BODY_MAX_SIZE=200_000_000)  # two of them are held at most
